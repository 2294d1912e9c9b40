//! What modules and VMs are called in the files of routers.
//!
//! A module is what the user refers to in files of his own (`proxy_pass http://shop.web;`), so its
//! name stays readable: whatever these routers do not take becomes a dot or an underscore, and two
//! modules that would then be called the same are refused. A VM is named by us alone, and its name
//! must lead back to it, so it is written reversibly.

use std::collections::BTreeMap;

use model::id::{ModuleId, VmId};
use scaler::hands::{HandError, Route, Routing};

/// The routes of a routing by the names they bear in files: `shop/web` is `shop.web`.
pub(super) fn groups(routing: &Routing) -> Result<BTreeMap<String, &Route>, HandError> {
    let mut groups: BTreeMap<String, (&ModuleId, &Route)> = BTreeMap::new();
    for (module, route) in &routing.modules {
        let name = group_name(module);
        if let Some((other, _)) = groups.insert(name.clone(), (module, route)) {
            return Err(HandError::Refused(format!(
                "modules {other} and {module} would both be called {name} there; rename one"
            )));
        }
    }
    Ok(groups.into_iter().map(|(name, (_, route))| (name, route)).collect())
}

fn group_name(module: &ModuleId) -> String {
    let plain = |c: char| match c {
        '/' => '.',
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => c,
        _ => '_',
    };
    module.as_str().chars().map(plain).collect()
}

/// A VM's name of letters, digits, dots and dashes, with `_2F` for a slash and its like.
pub(super) fn server_name(vm: &VmId) -> String {
    let mut name = String::new();
    for byte in vm.as_str().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' => name.push(byte.into()),
            _ => name.push_str(&format!("_{byte:02X}")),
        }
    }
    name
}

/// The VM that [`server_name`] made this name of; None if it was not.
pub(super) fn vm_of(name: &str) -> Option<VmId> {
    let mut parts = name.split('_');
    let mut id = parts.next()?.to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        id.push(char::from(u8::from_str_radix(code, 16).ok()?));
        id.push_str(rest);
    }
    VmId::parse(&id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_vm_is_found_again_by_its_name() {
        for id in ["vm-1", "cr-shop-7", "a/b_c:d@e.f", "_", "__2F"] {
            let vm = VmId::parse(id).unwrap();
            let name = server_name(&vm);
            assert!(
                name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)),
                "{name}"
            );
            assert_eq!(vm_of(&name), Some(vm));
        }
        assert_eq!(vm_of("a_"), None);
        assert_eq!(vm_of("a_zz"), None);
        assert_eq!(vm_of(""), None);
    }

    #[test]
    fn two_modules_of_one_name_are_refused() {
        let routing = |modules: &[&str]| {
            let module = |name: &&str| (ModuleId::parse(name).unwrap(), Route::default());
            Routing { modules: modules.iter().map(module).collect(), ..Routing::default() }
        };
        let (good, bad) = (routing(&["shop/web", "shop/api"]), routing(&["a.b/c", "a/b.c"]));
        assert_eq!(
            groups(&good).unwrap().into_keys().collect::<Vec<_>>(),
            ["shop.api", "shop.web"]
        );
        let said = groups(&bad).unwrap_err().to_string();
        assert!(said.contains("both be called a.b.c"), "{said}");
    }
}
