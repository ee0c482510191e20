//! The table. A line is an option's number, name, and how it is set and got; what can't be done has no entry.

use std::ffi::c_int;
use std::sync::atomic::Ordering;
use std::time::Duration;

use netzmq::proto::{CurvePublicKey, CurveSecretKey};
use netzmq::raw::{self, Ask, IpcPeer};
use netzmq::{Interest, SocketType};

use super::extras::Mechanism;
use super::is_thread_safe;
use super::value::{
    count_of, exact, fitting, flag, int, int_from, loose_flag, millis, millis_of, text, wait, with_nul,
};
use crate::errno::{EINVAL, ETERM, Errno};
use crate::socket::CSocket;

type Set = fn(&CSocket, &[u8]) -> Result<(), Errno>;
type Get = fn(&CSocket, &mut [u8]) -> Result<usize, Errno>;

/// One option.
pub(super) struct Line {
    number: c_int,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people, and for the test of the table"))]
    name: &'static str,
    pub(super) set: Option<Set>,
    pub(super) get: Option<Get>,
}

pub(super) fn find(number: c_int) -> Option<&'static Line> {
    let at = LINES.binary_search_by_key(&number, |line| line.number).ok()?;
    LINES.get(at)
}

/// Only for sockets of these types.
macro_rules! only {
    ($socket:expr, $($type:ident)|+) => {
        if !matches!($socket.socket().socket_type(), $(SocketType::$type)|+) {
            return Err(EINVAL);
        }
    };
}

/// The ways to write a line. Getters answer numbers as `c_int` unless they say otherwise.
macro_rules! line {
    ($number:literal $name:ident, set $set:expr, get $get:expr) => {
        Line { number: $number, name: stringify!($name), set: Some($set), get: Some($get) }
    };
    ($number:literal $name:ident, set $set:expr) => {
        Line { number: $number, name: stringify!($name), set: Some($set), get: None }
    };
    ($number:literal $name:ident, get $get:expr) => {
        Line { number: $number, name: stringify!($name), set: None, get: Some($get) }
    };
    // A number for a transport that is not built in.
    ($number:literal $name:ident, keep from $least:literal, default $default:literal) => {
        line!($number $name,
            set |s, v| { s.extras().set_number($number, int_from(v, $least)?); Ok(()) },
            get |s, r| number(s.extras().number($number, $default), r))
    };
}

fn number(answer: c_int, room: &mut [u8]) -> Result<usize, Errno> {
    exact(&answer.to_ne_bytes(), room)
}

fn yes_no(answer: bool, room: &mut [u8]) -> Result<usize, Errno> {
    number(c_int::from(answer), room)
}

/// Changes a part of the security settings, and gives the library the whole.
fn secure(socket: &CSocket, change: impl FnOnce(&mut super::Extras)) -> Result<(), Errno> {
    let security = {
        let mut extras = socket.extras();
        change(&mut extras);
        extras.security()
    };
    Ok(socket.socket().set_security(security)?)
}

/// A name or password of PLAIN: 1 to 255 bytes, or nothing, which chooses NULL.
fn plain(socket: &CSocket, value: &[u8], keep: fn(&mut super::Extras, String)) -> Result<(), Errno> {
    if value.is_empty() {
        return secure(socket, |extras| extras.mechanism = Mechanism::Null);
    }
    if value.len() > 255 {
        return Err(EINVAL);
    }
    let text = text(value, 255)?;
    secure(socket, |extras| {
        extras.mechanism = Mechanism::Plain;
        extras.as_server = false;
        keep(extras, text);
    })
}

/// A user, group or process that may connect over IPC; no value forgets those of its kind.
fn ipc_peer(socket: &CSocket, value: &[u8], peer: fn(u32) -> IpcPeer) -> Result<(), Errno> {
    if value.is_empty() {
        return Ok(raw::filter_ipc(socket.socket(), peer(0), true)?);
    }
    let number = u32::from_ne_bytes(value.try_into().map_err(|_| EINVAL)?);
    Ok(raw::filter_ipc(socket.socket(), peer(number), false)?)
}

/// Keeps a key of CURVE, which chooses that mechanism.
fn curve(
    socket: &CSocket,
    value: &[u8],
    keep: fn(&mut super::Extras, &[u8]) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut kept = Ok(());
    secure(socket, |extras| {
        kept = keep(extras, value);
        if kept.is_ok() {
            extras.mechanism = Mechanism::Curve;
        }
    })?;
    kept
}

fn public_key(value: &[u8]) -> Result<CurvePublicKey, Errno> {
    CurvePublicKey::from_option(value).map_err(|_| EINVAL)
}

/// A key as 32 bytes, or as 40 characters and a final zero, whichever there is room for.
fn key(bytes: [u8; 32], room: &mut [u8]) -> Result<usize, Errno> {
    match room.len() {
        32 => exact(&bytes, room),
        41 => with_nul(CurvePublicKey::from_bytes(bytes).to_string().as_bytes(), room),
        _ => Err(EINVAL),
    }
}

/// Parses `name:value` of `ZMQ_METADATA`.
fn metadata(socket: &CSocket, value: &[u8]) -> Result<(), Errno> {
    let text = text(value, usize::MAX)?;
    let (name, value) = text.split_once(':').ok_or(EINVAL)?;
    if name.len() > 255 || name.len() < 3 || value.is_empty() || !name.starts_with("X-") {
        return Err(EINVAL);
    }
    Ok(raw::add_metadata(socket.socket(), name, value.as_bytes())?)
}

fn events(socket: &CSocket) -> Result<c_int, Errno> {
    let (readable, writable) = raw::events(socket.socket(), Interest::READABLE, Ask::Yes);
    if !readable && !writable && raw::tell_end(socket.socket()) {
        return Err(ETERM);
    }
    Ok(c_int::from(readable) | c_int::from(writable) << 1)
}

/// The kernel's buffer sizes: -1 is the system's own.
fn buffer(value: &[u8]) -> Result<Option<usize>, Errno> {
    Ok(usize::try_from(int_from(value, -1)?).ok())
}

fn buffer_of(size: Option<usize>) -> c_int {
    size.map_or(-1, count_of)
}

/// Keep-alive numbers: -1 is the system's own, else not negative.
fn seconds(value: &[u8]) -> Result<Option<Duration>, Errno> {
    Ok(u64::try_from(int_from(value, -1)?).ok().map(Duration::from_secs))
}

fn seconds_of(time: Option<Duration>) -> c_int {
    time.map_or(-1, |time| c_int::try_from(time.as_secs()).unwrap_or(c_int::MAX))
}

fn usize_of(value: &[u8]) -> Result<usize, Errno> {
    usize::try_from(int_from(value, 0)?).map_err(|_| EINVAL)
}

/// In the order of their numbers.
static LINES: &[Line] = &[
    line!(4 AFFINITY,
        set |s, v| {
            let threads = u64::from_ne_bytes(v.try_into().map_err(|_| EINVAL)?);
            s.extras().affinity = threads;
            Ok(raw::set_affinity(s.socket(), threads)?)
        },
        get |s, r| exact(&s.extras().affinity.to_ne_bytes(), r)),
    line!(5 ROUTING_ID,
    set |s, v| Ok(raw::set_routing_id(s.socket(), v)?),
    get |s, r| {
        let own = s.socket().routing_id();
        if own.is_empty() && s.socket().socket_type() == SocketType::Stream {
            // A STREAM has no name; asked for it, it tells its peer's.
            return fitting(&raw::last_peer(s.socket()).unwrap_or_default(), r);
        }
        fitting(&own, r)
    }),
    line!(6 SUBSCRIBE, set |s, v| { only!(s, Sub | XPub); Ok(s.socket().subscribe(v)?) }),
    line!(7 UNSUBSCRIBE, set |s, v| { only!(s, Sub | XPub); Ok(s.socket().unsubscribe(v)?) }),
    line!(8 RATE, keep from 1, default 100),
    line!(9 RECOVERY_IVL, keep from 0, default 10_000),
    line!(11 SNDBUF,
        set |s, v| Ok(s.socket().set_send_buffer(buffer(v)?)?),
        get |s, r| number(buffer_of(s.socket().send_buffer()), r)),
    line!(12 RCVBUF,
        set |s, v| Ok(s.socket().set_recv_buffer(buffer(v)?)?),
        get |s, r| number(buffer_of(s.socket().recv_buffer()), r)),
    // Relaxed: told to the thread that received.
    line!(13 RCVMORE, get |s, r| fitting(&c_int::from(s.more.load(Ordering::Relaxed)).to_ne_bytes(), r)),
    line!(14 FD, get |s, r| {
        if is_thread_safe(s.socket().socket_type()) {
            // Several threads can't share one edge.
            return Err(EINVAL);
        }
        fitting(&raw::event_fd(s.socket())?.to_ne_bytes(), r)
    }),
    line!(15 EVENTS, get |s, r| fitting(&events(s)?.to_ne_bytes(), r)),
    line!(16 TYPE, get |s, r| number(s.socket().socket_type().zmq_number(), r)),
    line!(17 LINGER,
        set |s, v| Ok(s.socket().set_linger(wait(v)?)?),
        get |s, r| number(millis_of(s.socket().linger()), r)),
    line!(18 RECONNECT_IVL,
        set |s, v| Ok(s.socket().set_reconnect_interval(wait(v)?)?),
        get |s, r| number(millis_of(s.socket().reconnect_interval()), r)),
    line!(19 BACKLOG,
        set |s, v| Ok(s.socket().set_backlog(int_from(v, 0)?)?),
        get |s, r| number(s.socket().backlog(), r)),
    line!(21 RECONNECT_IVL_MAX,
        set |s, v| Ok(s.socket().set_reconnect_interval_max(millis(v)?)?),
        get |s, r| number(millis_of(Some(s.socket().reconnect_interval_max())), r)),
    line!(22 MAXMSGSIZE,
    set |s, v| {
        let size = i64::from_ne_bytes(v.try_into().map_err(|_| EINVAL)?);
        Ok(s.socket().set_max_message_size(u64::try_from(size).ok())?)
    },
    get |s, r| {
        let size = s.socket().max_message_size().map_or(-1, |size| i64::try_from(size).unwrap_or(i64::MAX));
        exact(&size.to_ne_bytes(), r)
    }),
    line!(23 SNDHWM,
        set |s, v| Ok(s.socket().set_send_hwm(usize_of(v)?)?),
        get |s, r| number(count_of(s.socket().send_hwm()), r)),
    line!(24 RCVHWM,
        set |s, v| Ok(s.socket().set_recv_hwm(usize_of(v)?)?),
        get |s, r| number(count_of(s.socket().recv_hwm()), r)),
    line!(25 MULTICAST_HOPS,
        set |s, v| {
            let hops = int_from(v, 1)?;
            s.extras().set_number(25, hops);
            Ok(raw::set_multicast_hops(s.socket(), hops.unsigned_abs())?)
        },
        get |s, r| number(s.extras().number(25, 1), r)),
    line!(27 RCVTIMEO,
        set |s, v| Ok(s.socket().set_recv_timeout(wait(v)?)?),
        get |s, r| number(millis_of(s.socket().recv_timeout()), r)),
    line!(28 SNDTIMEO,
        set |s, v| Ok(s.socket().set_send_timeout(wait(v)?)?),
        get |s, r| number(millis_of(s.socket().send_timeout()), r)),
    line!(31 IPV4ONLY,
        set |s, v| Ok(s.socket().set_ipv6(!flag(v)?)?),
        get |s, r| yes_no(!s.socket().ipv6(), r)),
    line!(32 LAST_ENDPOINT, get |s, r| with_nul(s.socket().last_endpoint().as_bytes(), r)),
    line!(33 ROUTER_MANDATORY,
        set |s, v| { only!(s, Router); Ok(s.socket().set_router_mandatory(loose_flag(v)?)?) }),
    line!(34 TCP_KEEPALIVE,
        set |s, v| Ok(s.socket().set_tcp_keepalive(match int(v)? {
            -1 => None,
            0 => Some(false),
            1 => Some(true),
            _ => return Err(EINVAL),
        })?),
        get |s, r| number(s.socket().tcp_keepalive().map_or(-1, c_int::from), r)),
    line!(35 TCP_KEEPALIVE_CNT,
        set |s, v| Ok(s.socket().set_tcp_keepalive_count(u32::try_from(int_from(v, -1)?).ok())?),
        get |s, r| number(s.socket().tcp_keepalive_count().map_or(-1, |n| c_int::try_from(n).unwrap_or(-1)), r)),
    line!(36 TCP_KEEPALIVE_IDLE,
        set |s, v| Ok(s.socket().set_tcp_keepalive_idle(seconds(v)?)?),
        get |s, r| number(seconds_of(s.socket().tcp_keepalive_idle()), r)),
    line!(37 TCP_KEEPALIVE_INTVL,
        set |s, v| Ok(s.socket().set_tcp_keepalive_interval(seconds(v)?)?),
        get |s, r| number(seconds_of(s.socket().tcp_keepalive_interval()), r)),
    line!(38 TCP_ACCEPT_FILTER, set |s, v| {
        if v.is_empty() {
            return Ok(raw::filter_network(s.socket(), None)?);
        }
        Ok(raw::filter_network(s.socket(), Some(&text(v, 255)?))?)
    }),
    line!(39 IMMEDIATE,
        set |s, v| Ok(s.socket().set_immediate(flag(v)?)?),
        get |s, r| yes_no(s.socket().immediate(), r)),
    line!(40 XPUB_VERBOSE, set |s, v| { only!(s, XPub | Pub); Ok(s.socket().set_xpub_verbose(loose_flag(v)?)?) }),
    line!(41 ROUTER_RAW, set |s, v| { only!(s, Router); Ok(raw::set_router_raw(s.socket(), loose_flag(v)?)?) }),
    line!(42 IPV6,
        set |s, v| Ok(s.socket().set_ipv6(flag(v)?)?),
        get |s, r| yes_no(s.socket().ipv6(), r)),
    line!(43 MECHANISM, get |s, r| number(s.extras().mechanism as c_int, r)),
    line!(44 PLAIN_SERVER,
    set |s, v| {
        let on = flag(v)?;
        secure(s, |extras| {
            extras.as_server = on;
            extras.mechanism = if on { Mechanism::Plain } else { Mechanism::Null };
        })
    },
    get |s, r| {
        let extras = s.extras();
        yes_no(extras.as_server && extras.mechanism == Mechanism::Plain, r)
    }),
    line!(45 PLAIN_USERNAME,
        set |s, v| plain(s, v, |extras, text| extras.plain_username = text),
        get |s, r| with_nul(s.extras().plain_username.as_bytes(), r)),
    line!(46 PLAIN_PASSWORD,
        set |s, v| plain(s, v, |extras, text| extras.plain_password = text.into()),
        get |s, r| with_nul(s.extras().plain_password.as_bytes(), r)),
    line!(47 CURVE_SERVER,
    set |s, v| {
        let on = flag(v)?;
        secure(s, |extras| {
            extras.as_server = on;
            extras.mechanism = if on { Mechanism::Curve } else { Mechanism::Null };
        })
    },
    get |s, r| {
        let extras = s.extras();
        yes_no(extras.as_server && extras.mechanism == Mechanism::Curve, r)
    }),
    line!(48 CURVE_PUBLICKEY,
        set |s, v| curve(s, v, |extras, v| { extras.curve_public = Some(public_key(v)?); Ok(()) }),
        get |s, r| key(s.extras().curve_public.map_or([0; 32], |key| *key.as_bytes()), r)),
    line!(49 CURVE_SECRETKEY,
        set |s, v| curve(s, v, |extras, v| {
            extras.curve_secret = Some(CurveSecretKey::from_option(v).map_err(|_| EINVAL)?);
            Ok(())
        }),
        get |s, r| key(s.extras().curve_secret.as_ref().map_or([0; 32], |key| *key.as_bytes()), r)),
    line!(50 CURVE_SERVERKEY,
        set |s, v| curve(s, v, |extras, v| {
            extras.curve_server = Some(public_key(v)?);
            extras.as_server = false;
            Ok(())
        }),
        get |s, r| key(s.extras().curve_server.map_or([0; 32], |key| *key.as_bytes()), r)),
    line!(51 PROBE_ROUTER,
        set |s, v| { only!(s, Router | Dealer | Req); Ok(s.socket().set_probe_router(loose_flag(v)?)?) }),
    line!(52 REQ_CORRELATE, set |s, v| { only!(s, Req); Ok(s.socket().set_req_correlate(loose_flag(v)?)?) }),
    line!(53 REQ_RELAXED, set |s, v| { only!(s, Req); Ok(s.socket().set_req_relaxed(loose_flag(v)?)?) }),
    line!(54 CONFLATE,
        set |s, v| Ok(s.socket().set_conflate(flag(v)?)?),
        get |s, r| yes_no(s.socket().conflate(), r)),
    line!(55 ZAP_DOMAIN,
        set |s, v| Ok(s.socket().set_zap_domain(text(v, 255)?)?),
        get |s, r| with_nul(s.socket().zap_domain().as_bytes(), r)),
    line!(56 ROUTER_HANDOVER,
        set |s, v| { only!(s, Router); Ok(s.socket().set_router_handover(loose_flag(v)?)?) }),
    line!(57 TOS,
        set |s, v| Ok(s.socket().set_type_of_service(Some(int_from(v, 0)?.unsigned_abs()))?),
        get |s, r| number(s.socket().type_of_service().map_or(0, |tos| c_int::try_from(tos).unwrap_or(0)), r)),
    line!(58 IPC_FILTER_PID, set |s, v| ipc_peer(s, v, |n| IpcPeer::Process(n.cast_signed()))),
    line!(59 IPC_FILTER_UID, set |s, v| ipc_peer(s, v, IpcPeer::User)),
    line!(60 IPC_FILTER_GID, set |s, v| ipc_peer(s, v, IpcPeer::Group)),
    line!(61 CONNECT_ROUTING_ID,
        set |s, v| { only!(s, Router | Stream | Rep);
            Ok(raw::set_connect_routing_id(s.socket(), v)?) }),
    line!(66 HANDSHAKE_IVL,
        set |s, v| Ok(s.socket().set_handshake_timeout(millis(v)?)?),
        get |s, r| number(millis_of(Some(s.socket().handshake_timeout())), r)),
    line!(68 SOCKS_PROXY,
        set |s, v| Ok(s.socket().set_socks_proxy(text(v, usize::MAX)?)?),
        get |s, r| with_nul(s.socket().socks_proxy().as_bytes(), r)),
    line!(69 XPUB_NODROP, set |s, v| { only!(s, XPub | Pub | Radio); Ok(s.socket().set_xpub_nodrop(loose_flag(v)?)?) }),
    line!(71 XPUB_MANUAL, set |s, v| { only!(s, XPub | Pub); Ok(s.socket().set_xpub_manual(loose_flag(v)?)?) }),
    line!(72 XPUB_WELCOME_MSG,
    set |s, v| {
        only!(s, XPub | Pub);
        Ok(s.socket().set_xpub_welcome(if v.is_empty() { None } else { Some(v.to_vec()) })?)
    }),
    line!(73 STREAM_NOTIFY, set |s, v| { only!(s, Stream); Ok(s.socket().set_stream_notify(flag(v)?)?) }),
    line!(74 INVERT_MATCHING,
        set |s, v| Ok(s.socket().set_invert_matching(int(v)? != 0)?),
        get |s, r| yes_no(s.socket().invert_matching(), r)),
    line!(75 HEARTBEAT_IVL,
        set |s, v| Ok(s.socket().set_heartbeat_interval(millis(v)?)?),
        get |s, r| number(millis_of(Some(s.socket().heartbeat_interval())), r)),
    line!(76 HEARTBEAT_TTL,
        // Tenths of a second travel, and what is less than one is none.
        set |s, v| {
            let tenths = u16::try_from(int(v)? / 100).map_err(|_| EINVAL)?;
            Ok(s.socket().set_heartbeat_ttl(Duration::from_millis(u64::from(tenths) * 100))?)
        },
        get |s, r| number(millis_of(Some(s.socket().heartbeat_ttl())), r)),
    line!(77 HEARTBEAT_TIMEOUT,
        set |s, v| Ok(s.socket().set_heartbeat_timeout(Some(millis(v)?))?),
        get |s, r| number(millis_of(s.socket().heartbeat_timeout()), r)),
    line!(78 XPUB_VERBOSER, set |s, v| { only!(s, XPub | Pub); Ok(s.socket().set_xpub_verboser(loose_flag(v)?)?) }),
    line!(79 CONNECT_TIMEOUT,
        set |s, v| Ok(s.socket().set_connect_timeout(millis(v)?)?),
        get |s, r| number(millis_of(Some(s.socket().connect_timeout())), r)),
    line!(80 TCP_MAXRT,
        set |s, v| {
            let time = millis(v)?;
            Ok(s.socket().set_tcp_max_retransmit(if time.is_zero() { None } else { Some(time) })?)
        },
        get |s, r| number(s.socket().tcp_max_retransmit().map_or(0, |time| millis_of(Some(time))), r)),
    line!(81 THREAD_SAFE, get |s, r| {
        fitting(&c_int::from(is_thread_safe(s.socket().socket_type())).to_ne_bytes(), r)
    }),
    line!(84 MULTICAST_MAXTPDU, keep from 1, default 1500),
    line!(89 USE_FD,
        set |s, v| {
            let fd = int_from(v, -1)?;
            let mut extras = s.extras();
            extras.set_number(89, fd);
            extras.bind_fd = Some(fd).filter(|fd| *fd >= 0);
            Ok(())
        },
        get |s, r| number(s.extras().number(89, -1), r)),
    line!(92 BINDTODEVICE,
        set |s, v| {
            let device = text(v, 255)?;
            Ok(s.socket().set_bind_to_device(if device.is_empty() { None } else { Some(device) })?)
        },
        get |s, r| with_nul(s.socket().bind_to_device().unwrap_or_default().as_bytes(), r)),
    line!(93 ZAP_ENFORCE_DOMAIN,
        set |s, v| Ok(s.socket().set_zap_enforce_domain(int(v)? != 0)?),
        get |s, r| yes_no(s.socket().zap_enforce_domain(), r)),
    line!(94 LOOPBACK_FASTPATH,
        set |s, v| { s.extras().set_number(94, c_int::from(int(v)? != 0)); Ok(()) },
        get |s, r| number(s.extras().number(94, 0), r)),
    line!(95 METADATA, set metadata),
    line!(96 MULTICAST_LOOP,
        set |s, v| {
            let on = int(v)? != 0;
            s.extras().set_number(96, c_int::from(on));
            Ok(raw::set_multicast_loop(s.socket(), on)?)
        },
        get |s, r| number(s.extras().number(96, 1), r)),
    line!(97 ROUTER_NOTIFY,
        set |s, v| {
            only!(s, Router);
            let bits = int_from(v, 0)?;
            if bits > 3 {
                return Err(EINVAL);
            }
            Ok(raw::set_router_notify(s.socket(), bits as u8)?)
        },
        get |s, r| number(raw::router_notify(s.socket()).into(), r)),
    line!(98 XPUB_MANUAL_LAST_VALUE,
        set |s, v| { only!(s, XPub | Pub); Ok(raw::set_xpub_manual_last_value(s.socket(), loose_flag(v)?)?) }),
    line!(99 SOCKS_USERNAME,
        set |s, v| Ok(s.socket().set_socks_username(text(v, 255)?)?),
        get |s, r| with_nul(s.socket().socks_username().as_bytes(), r)),
    line!(100 SOCKS_PASSWORD,
        set |s, v| Ok(s.socket().set_socks_password(text(v, 255)?.into())?),
        get |s, r| with_nul(s.socket().socks_password().as_bytes(), r)),
    line!(101 IN_BATCH_SIZE,
        set |s, v| {
            let bytes = int_from(v, 1)?;
            s.extras().set_number(101, bytes);
            Ok(raw::set_in_batch(s.socket(), bytes.unsigned_abs() as usize)?)
        },
        get |s, r| number(s.extras().number(101, 8192), r)),
    line!(102 OUT_BATCH_SIZE,
        set |s, v| {
            let bytes = int_from(v, 1)?;
            s.extras().set_number(102, bytes);
            Ok(raw::set_out_batch(s.socket(), bytes.unsigned_abs() as usize)?)
        },
        get |s, r| number(s.extras().number(102, 8192), r)),
    #[cfg(feature = "wss")]
    line!(103 WSS_KEY_PEM, set |s, v| Ok(s.socket().set_wss_key_pem(text(v, usize::MAX)?.into())?)),
    #[cfg(feature = "wss")]
    line!(104 WSS_CERT_PEM, set |s, v| Ok(s.socket().set_wss_cert_pem(text(v, usize::MAX)?)?)),
    #[cfg(feature = "wss")]
    line!(105 WSS_TRUST_PEM, set |s, v| Ok(raw::set_wss_trust(s.socket(), text(v, usize::MAX)?)?)),
    #[cfg(feature = "wss")]
    line!(106 WSS_HOSTNAME, set |s, v| Ok(s.socket().set_wss_hostname(text(v, usize::MAX)?)?)),
    #[cfg(feature = "wss")]
    line!(107 WSS_TRUST_SYSTEM, set |s, v| Ok(s.socket().set_wss_trust_system(flag(v)?)?)),
    line!(108 ONLY_FIRST_SUBSCRIBE,
        set |s, v| { only!(s, XPub | XSub | Pub); Ok(raw::set_only_first_subscribe(s.socket(), loose_flag(v)?)?) }),
    line!(109 RECONNECT_STOP,
        // Kept as it was given; three of its bits have a meaning.
        set |s, v| {
            let bits = int(v)?;
            s.extras().set_number(109, bits);
            Ok(raw::set_reconnect_stop(s.socket(), (bits & 7) as u8)?)
        },
        get |s, r| number(s.extras().number(109, 0), r)),
    line!(110 HELLO_MSG, set |s, v| Ok(raw::set_hello(s.socket(), v)?)),
    line!(111 DISCONNECT_MSG, set |s, v| Ok(raw::set_farewell(s.socket(), v)?)),
    line!(112 PRIORITY,
        set |s, v| {
            let value = int_from(v, 0)?;
            Ok(raw::set_priority(s.socket(), Some(value.unsigned_abs()).filter(|n| *n > 0))?)
        },
        get |s, r| number(raw::priority(s.socket()).map_or(0, u32::cast_signed), r)),
    line!(113 BUSY_POLL,
    set |s, v| {
        let value = int(v)?;
        Ok(raw::set_busy_poll(s.socket(), u32::try_from(value).ok().filter(|n| *n > 0))?)
    }),
    line!(114 HICCUP_MSG, set |s, v| Ok(raw::set_hiccup(s.socket(), v)?)),
    line!(115 XSUB_VERBOSE_UNSUBSCRIBE,
        set |s, v| { only!(s, XSub); Ok(raw::set_xsub_verbose_unsubscribe(s.socket(), loose_flag(v)?)?) }),
    line!(116 TOPICS_COUNT, get |s, r| {
        only!(s, Pub | XPub | Sub | XSub);
        fitting(&count_of(raw::topics(s.socket())).to_ne_bytes(), r)
    }),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the search finds every line. Method: the numbers rise, the names differ.
    #[test]
    fn the_table_is_in_order() {
        assert!(LINES.windows(2).all(|pair| pair[0].number < pair[1].number));
        for (index, line) in LINES.iter().enumerate() {
            assert!(LINES[..index].iter().all(|other| other.name != line.name));
            assert!(line.set.is_some() || line.get.is_some(), "{}", line.name);
        }
    }
}
