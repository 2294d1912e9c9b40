//! Narrows an object to one kind.

use model::id::{HostId, Object, VmId};

pub(crate) fn vm(object: &Object) -> Option<&VmId> {
    if let Object::Vm(vm) = object { Some(vm) } else { None }
}

pub(crate) fn host(object: &Object) -> Option<&HostId> {
    if let Object::Host(host) = object { Some(host) } else { None }
}
