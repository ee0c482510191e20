//! What goes out, beside a naive model.
