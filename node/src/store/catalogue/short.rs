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

/// Declares the key of a family whose rows have such a name: its 8 bytes.
macro_rules! short_key {
    ($(#[$doc:meta])+ $key:ident($id:ident) => $family:ident, $row:ident) => {
        $(#[$doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $key(pub $id);

        impl $crate::store::catalogue::Key for $key {
            type Value = $row;

            fn family(&self) -> $crate::store::Family {
                $crate::store::Family::$family
            }

            fn encode(&self) -> Vec<u8> {
                self.0.0.to_vec()
            }

            fn decode(_: $crate::store::Family, bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map($id).map(Self)
            }
        }
    };
}

pub(super) use {short_id, short_key};
