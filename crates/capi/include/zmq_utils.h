/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Kept for programs that include it: everything is in <zmq.h>. */

#ifndef ZMQ_UTILS_H_INCLUDED
#define ZMQ_UTILS_H_INCLUDED

#include <zmq.h>

#endif
