/* SPDX-License-Identifier: MIT
 *
 * Connections of the fault server.
 */
#ifndef FAULTD_CONN_H
#define FAULTD_CONN_H

#include <uv.h>

/* A listen callback: takes one connection. */
void conn_accept(uv_stream_t *server, int status);

/* Closes all of them, for the end of the server. */
void conn_close_all(void);

#endif
