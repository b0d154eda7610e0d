//! See `interhub_fuzz::statements`.
#![no_main]

libfuzzer_sys::fuzz_target!(init: interhub_fuzz::quieten(), |bytes: &[u8]| {
    interhub_fuzz::statements::check(bytes);
});
