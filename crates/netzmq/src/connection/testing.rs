//! What the tests of this folder share.

use netzmq_memory::MessagePool;

use netzmq_proto::{
    Cipher, CurveOpener, CurveSealer, CurveSecretKey, Handshake, HandshakeConfig, HandshakeStatus,
    MechanismConfig, SocketType,
};

use super::buffers::Buffers;

pub(crate) fn buffers() -> Buffers {
    Buffers::new(MessagePool::shared().clone())
}

/// So many bytes that tell where they come from: no two serial numbers give the same.
pub(crate) fn body(serial: u32, length: usize) -> Vec<u8> {
    let mut state = serial.wrapping_mul(2_654_435_761).wrapping_add(1);
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// One direction of an encrypted connection, from a real handshake.
pub(crate) fn curve() -> (CurveSealer, CurveOpener) {
    let key = |byte| CurveSecretKey::from_bytes([byte; 32]);
    let client = MechanismConfig::CurveClient {
        server_key: key(1).public_key(),
        public_key: key(2).public_key(),
        secret_key: key(2),
    };
    let server = MechanismConfig::CurveServer { secret_key: key(1) };
    let sides = [(SocketType::Push, client, 3), (SocketType::Pull, server, 4)];
    let [mut client, mut server] = sides.map(|(socket_type, mechanism, seed)| {
        let mut config = HandshakeConfig::new(socket_type, mechanism);
        config.seed = [seed; 32].into();
        Handshake::new(config)
    });
    while [&client, &server].iter().any(|side| side.status() != HandshakeStatus::Done) {
        for turn in [true, false] {
            let (from, to) = if turn { (&mut client, &mut server) } else { (&mut server, &mut client) };
            let said = std::mem::take(from.output());
            assert_eq!(to.handle_input(&said).unwrap(), said.len());
        }
    }
    let [client, server] = [client, server].map(|side| match side.finish().unwrap().cipher {
        Cipher::Curve(cipher) => cipher.split(),
        other => panic!("{other:?}"),
    });
    (client.0, server.1)
}
