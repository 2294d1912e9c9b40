//! What differs between the versions of Zabbix, as one table.
//!
//! Names of parameters come and go between 5.0 and 7.2: an old name is refused by a new server,
//! and a new name is silently ignored by an old one, which then answers without the data. So the
//! version is asked first and each difference is looked up here, never tried out.
//!
//! One more difference is one more line in `DIFFERENCES` and one in `Word`.

use std::fmt;
use std::str::FromStr;

/// `6.0.14` is 6.0 here: a difference never comes with a patch release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
}

/// A thing whose name depends on the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Where the token goes: `body`, as the member `auth`, or `header`, as a Bearer token.
    Token,
    /// The parameter of `user.login`.
    LoginName,
    /// The parameter of `host.get` that adds the groups.
    SelectGroups,
    /// The member of a host under which they come.
    Groups,
    /// Adds the tags of the templates; empty where there is no such parameter.
    SelectInheritedTags,
}

/// Before `since` it is called `before`, from then on `after`.
struct Difference {
    word: Word,
    since: Version,
    before: &'static str,
    after: &'static str,
}

const DIFFERENCES: &[Difference] = &[
    // 6.4 and 7.0 take both, 7.2 takes the header only, 6.0 ignores the header.
    Difference { word: Word::Token, since: v(6, 4), before: "body", after: "header" },
    // Both work from 5.4 to 6.2.
    Difference { word: Word::LoginName, since: v(5, 4), before: "user", after: "username" },
    // The old ones are gone in 7.2.
    Difference {
        word: Word::SelectGroups,
        since: v(6, 2),
        before: "selectGroups",
        after: "selectHostGroups",
    },
    Difference { word: Word::Groups, since: v(6, 2), before: "groups", after: "hostgroups" },
    Difference {
        word: Word::SelectInheritedTags,
        since: v(6, 0),
        before: "",
        after: "selectInheritedTags",
    },
];

/// The oldest version that is spoken to.
pub const OLDEST: Version = v(5, 0);

const fn v(major: u16, minor: u16) -> Version {
    Version { major, minor }
}

impl Version {
    /// What a thing is called in this version.
    pub fn name(self, word: Word) -> &'static str {
        let difference = DIFFERENCES
            .iter()
            .find(|difference| difference.word == word)
            .expect("a test holds that each word has its line");
        if self >= difference.since { difference.after } else { difference.before }
    }

    pub(super) fn token_in_header(self) -> bool {
        self.name(Word::Token) == "header"
    }
}

/// Why a text is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no version of Zabbix")]
pub struct NoVersion;

impl FromStr for Version {
    type Err = NoVersion;
    /// Reads `6.0.14`, `7.0.0rc1`, `5.0`.
    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let mut parts = text.split('.');
        let mut number = || {
            let part = parts.next().ok_or(NoVersion)?;
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..end].parse().map_err(|_| NoVersion)
        };
        Ok(v(number()?, number()?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const WORDS: &[Word] = &[
        Word::Token,
        Word::LoginName,
        Word::SelectGroups,
        Word::Groups,
        Word::SelectInheritedTags,
    ];

    #[test]
    fn each_version_has_its_own_words() {
        let line = |version: &str| {
            let read: Version = version.parse().unwrap();
            let names: Vec<_> = WORDS.iter().map(|word| read.name(*word)).collect();
            format!("{version}: {}\n", names.join(" "))
        };
        let versions = ["5.0.46", "5.4.0", "6.0.14", "6.2.9", "6.4.0", "7.0.0rc1", "7.2.1"];
        expect![[r#"
            5.0.46: body user selectGroups groups 
            5.4.0: body username selectGroups groups 
            6.0.14: body username selectGroups groups selectInheritedTags
            6.2.9: body username selectHostGroups hostgroups selectInheritedTags
            6.4.0: header username selectHostGroups hostgroups selectInheritedTags
            7.0.0rc1: header username selectHostGroups hostgroups selectInheritedTags
            7.2.1: header username selectHostGroups hostgroups selectInheritedTags
        "#]]
        .assert_eq(&versions.map(line).concat());
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "6", "six.0", ".", "-1.0", "6.", "99999999.0"] {
            assert_eq!(text.parse::<Version>(), Err(NoVersion), "{text:?}");
        }
    }
}
