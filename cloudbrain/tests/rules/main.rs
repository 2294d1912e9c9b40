//! Rule files: the built-in ones, bad ones, and the tests that stand in them.

mod bad;
mod builtin;
mod mutated;
