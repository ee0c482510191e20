//! Message memory.
