//! Signatures: HMAC-SHA256, in the two spellings that services want.
//!
//! Which of its two inputs is the secret differs from service to service, and is the classic fault:
//! each caller says so beside its call.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub(super) fn hex(key: &[u8], message: &[u8]) -> String {
    sign(key, message).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn base64(key: &[u8], message: &[u8]) -> String {
    STANDARD.encode(sign(key, message))
}

fn sign(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn a_signature_is_that_of_the_standard() {
        let (key, message) = (b"Jefe", b"what do ya want for nothing?");
        let known = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(key, message), known);
        assert_eq!(base64(key, message), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    }
}
