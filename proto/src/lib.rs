//! The wire of Interhub.
