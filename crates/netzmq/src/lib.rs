//! netzmq
