-- Version 7: accounts of availability find what was released, too.

DROP INDEX journal_of_accounts;
CREATE INDEX journal_of_accounts ON journal (at, number)
    WHERE (what LIKE 'maintenance %' OR what IN ('correction', 'release'));
