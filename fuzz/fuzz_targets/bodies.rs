//! See `interhub_fuzz::bodies`.
#![no_main]

libfuzzer_sys::fuzz_target!(init: interhub_fuzz::quieten(), |bytes: &[u8]| {
    interhub_fuzz::bodies::check(bytes);
});
