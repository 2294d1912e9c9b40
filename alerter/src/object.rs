//! Narrows an object to one kind.

use model::id::{HostId, ModuleId, Object, VmId};

pub(crate) fn vm(object: &Object) -> Option<&VmId> {
    if let Object::Vm(vm) = object { Some(vm) } else { None }
}

pub(crate) fn host(object: &Object) -> Option<&HostId> {
    if let Object::Host(host) = object { Some(host) } else { None }
}

pub(crate) fn module(object: &Object) -> Option<&ModuleId> {
    if let Object::Module(module) = object { Some(module) } else { None }
}
