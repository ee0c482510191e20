//! ZMTP, sans-IO.
