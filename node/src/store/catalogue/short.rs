//! Names of eight random bytes, for what an operator sets up: calendars, tokens, webhooks, counters. Not secret.

/// Declares such a name: shown and typed as 16 hexadecimal digits.
macro_rules! short_id {
    ($(#[$doc:meta])+ $name:ident) => {
        $(#[$doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub [u8; 8]);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl std::str::FromStr for $name {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| ())?;
                bytes.try_into().map(Self).map_err(|_| ())
            }
        }
    };
}

pub(super) use short_id;
