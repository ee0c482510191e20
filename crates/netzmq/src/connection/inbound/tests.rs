//! What comes in, beside a naive model.
