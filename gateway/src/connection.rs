//! One client connection: TLS, protocol detection, serving, deadlines, closing.
