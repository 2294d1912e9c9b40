-- Version 5: accounts of availability find what was announced and corrected among millions of lines.

CREATE INDEX journal_of_accounts ON journal (at, number)
    WHERE (what LIKE 'maintenance %' OR what = 'correction');
