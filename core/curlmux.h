/* SPDX-License-Identifier: MIT
 *
 * libcurl's multi interface on a libuv loop.
 *
 * A multi handle slows down with its connections, so the mux keeps several
 * ("lanes") and fills them one after the other, about LANE_TRANSFERS each. A
 * host begins at its home lane, so that its kept connections are found again.
 *
 * Socket watchers are lazy: when a transfer ends the watcher of its kept-alive
 * connection stays armed for reading, so that the next request on it costs no
 * system call; it is closed with the socket (CURLOPT_CLOSESOCKETFUNCTION).
 *
 * Nothing is added, removed or called back from inside one of libcurl's
 * callbacks: finished transfers are reported when libcurl has returned.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_CURLMUX_H
#define SPATE_CURLMUX_H

#include <curl/curl.h>
#include <stdbool.h>
#include <uv.h>

#include "err.h"
#include "loopwatch.h"

#define LANE_TRANSFERS 100 /* transfers at once in one multi handle */

struct curlmux;

/* A transfer has ended; the handle is out of its multi already. */
typedef void (*curlmux_done)(void *arg, CURL *easy, CURLcode code);

/* loop and watch are borrowed. */
int curlmux_new(struct curlmux **out, uv_loop_t *loop, struct loopwatch *watch,
                curlmux_done done, void *arg) MUST_CHECK;

/* Sets on a new easy handle what the mux relies on (sockets closed through
 * it). Once a handle; survives until curl_easy_reset(). */
void curlmux_adopt(struct curlmux *mux, CURL *easy);

/* Picks the lane for a transfer of the host with this number: the first with
 * room from the host's home lane on. */
unsigned curlmux_lane(const struct curlmux *mux, unsigned host);

/* Starts a transfer on a lane. Not from inside a libcurl callback. */
int curlmux_add(struct curlmux *mux, unsigned lane, CURL *easy) MUST_CHECK;

/* Takes a running transfer out; done is not called for it. Not from inside a
 * libcurl callback. */
void curlmux_remove(struct curlmux *mux, unsigned lane, CURL *easy);

/* After an unpause: libcurl may have data to hand out without an event. */
void curlmux_kick(struct curlmux *mux, unsigned lane);

/* Closes all connections and loop handles; no transfer may be left. The
 * memory is freed when the loop has closed the last handle. curtly: without a
 * last word, for whose answer libcurl would wait. */
void curlmux_close(struct curlmux *mux, bool curtly);

#endif
