/* SPDX-License-Identifier: MIT
 *
 * One connection: reads requests, answers them in turn, breaks where the plan
 * of an answer says so.
 *
 * conn_run() drives it and returns whenever something outside must happen
 * first: more input, the socket's writability (writing) or time (timing). Only
 * one of them is ever awaited. Bytes leave `out` in order; nothing is added
 * while a write is under way. The server's only thread.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "faultd-body.h"
#include "faultd-conn.h"
#include "faultd-journal.h"
#include "faultd-respond.h"

#define BLOCK ((int64_t)128 * 1024)
#define TICK_MS 20

enum phase { READ, BODY, ENDLESS_HEADERS, CUT, STALLED, END };

struct conn {
  uv_tcp_t tcp;
  uv_timer_t timer;
  uv_write_t write;
  struct conn *next, *prev;
  uint64_t number;
  enum phase phase;
  bool writing, timing, closing;
  unsigned open_handles;
  struct buf in, out, entry;
  uint64_t skip; /* bytes of a request's body still to come */
  struct plan plan;
  bool answering;
  uint64_t body_start_ms;
};

static struct conn *first;
static uint64_t numbers;
static char read_block[REQUEST_MAX];

static void run(struct conn *c);

static int64_t now_us(void) {
  return (int64_t)(uv_hrtime() / 1000);
}

/* ---- closing ----------------------------------------------------------- */

static void end_answer(struct conn *c, const char *how) {
  if (!c->answering)
    return;
  c->answering = false;
  if (!c->plan.control)
    journal_end(&c->entry, c->plan.status, c->plan.sent, how, now_us());
  plan_fini(&c->plan);
}

static void on_closed(uv_handle_t *handle) {
  struct conn *c = handle->data;

  if (--c->open_handles > 0)
    return;
  buf_fini(&c->in);
  buf_fini(&c->out);
  buf_fini(&c->entry);
  free(c);
}

static void shut(struct conn *c, const char *how, bool reset) {
  if (c->closing)
    return;
  c->closing = true;
  end_answer(c, how);
  journal_disconnected();
  if (c->next)
    c->next->prev = c->prev;
  if (c->prev)
    c->prev->next = c->next;
  else
    first = c->next;
  uv_close((uv_handle_t *)&c->timer, on_closed);
  if (!reset || uv_tcp_close_reset(&c->tcp, on_closed) < 0)
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void conn_close_all(void) {
  while (first)
    shut(first, "server", false);
}

/* ---- time and writing -------------------------------------------------- */

static void on_timer(uv_timer_t *timer) {
  struct conn *c = timer->data;

  c->timing = false;
  run(c);
}

static void wait_ms(struct conn *c, uint64_t ms) {
  c->timing = true;
  uv_timer_start(&c->timer, on_timer, ms, 0);
}

static void on_written(uv_write_t *write, int status) {
  struct conn *c = write->data;

  c->writing = false;
  if (c->closing)
    return;
  if (status < 0) {
    shut(c, "gone", false);
    return;
  }
  buf_clear(&c->out);
  run(c);
}

/* True when all of out has left. */
static bool flush(struct conn *c) {
  if (c->out.len == 0)
    return true;
  uv_buf_t piece = uv_buf_init(c->out.data, (unsigned)c->out.len);
  int n = uv_try_write((uv_stream_t *)&c->tcp, &piece, 1);
  if (n == (int)c->out.len) {
    buf_clear(&c->out);
    return true;
  }
  if (n < 0 && n != UV_EAGAIN) {
    shut(c, "gone", false);
    return false;
  }
  if (n > 0)
    piece = uv_buf_init(c->out.data + n, (unsigned)(c->out.len - (size_t)n));
  c->writing = true;
  if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &piece, 1, on_written) < 0)
    shut(c, "gone", false);
  return false;
}

/* ---- bodies ------------------------------------------------------------ */

static void add_body(struct conn *c, size_t n) {
  struct plan *p = &c->plan;

  if (p->chunked)
    buf_format(&c->out, "%zx\r\n", n);
  if (p->memory)
    buf_add(&c->out, p->memory + p->at, n);
  else {
    char *to = buf_room(&c->out, n);
    body_fill(p->seed, (uint64_t)p->at, to, n);
    if (p->corrupt >= p->at && p->corrupt < p->at + (int64_t)n)
      to[p->corrupt - p->at] ^= 1;
    c->out.len += n;
  }
  if (p->chunked)
    buf_text(&c->out, "\r\n");
  p->at += (int64_t)n;
  p->left -= (int64_t)n;
  p->sent += (int64_t)n;
}

/* How many bytes the pace allows by now. */
static int64_t allowed(struct conn *c) {
  uint64_t ms = uv_now(c->tcp.loop) - c->body_start_ms;

  if (c->plan.trickle_ms)
    return (int64_t)(ms / c->plan.trickle_ms) + 1 - c->plan.sent;
  if (c->plan.rate)
    return (int64_t)((double)(ms + TICK_MS) * (double)c->plan.rate / 1000) -
           c->plan.sent;
  return INT64_MAX;
}

/* Adds the next block of the body to out. */
static void produce(struct conn *c) {
  struct plan *p = &c->plan;
  int64_t n = p->left < BLOCK ? p->left : BLOCK;
  int64_t pace = allowed(c);

  if (n > p->cut_at - p->sent)
    n = p->cut_at - p->sent;
  if (n > pace)
    n = pace;
  if (n > 0)
    add_body(c, (size_t)n);
  if (p->cut != CUT_NONE && p->sent >= p->cut_at) {
    c->phase = CUT;
  } else if (p->left == 0) {
    if (p->chunked)
      buf_text(&c->out, "0\r\n\r\n");
    c->phase = END;
  } else if (n == pace && flush(c)) { /* else more of it is due already */
    wait_ms(c, p->trickle_ms ? p->trickle_ms : TICK_MS);
  }
}

/* ---- requests ---------------------------------------------------------- */

static void begin_body(struct conn *c) {
  c->phase = c->plan.endless_headers ? ENDLESS_HEADERS : BODY;
  c->body_start_ms = uv_now(c->tcp.loop);
}

/* Takes the next request; false when it is not complete yet. */
static bool next_request(struct conn *c) {
  struct request req;
  char *data = c->in.data + c->in.at;
  size_t len = c->in.len - c->in.at;

  if (c->skip > 0) {
    size_t n = c->skip < len ? (size_t)c->skip : len;
    c->in.at += n;
    c->skip -= n;
    return c->skip == 0;
  }
  int used = request_parse(data, len, &req);
  if (used < 0)
    shut(c, "bad", false);
  if (used <= 0)
    return false;
  int64_t now = now_us();
  c->answering = true;
  c->skip = req.body_len;
  respond_plan(&req, now, &c->plan, &c->out);
  if (!c->plan.control)
    journal_begin(&c->entry, &req, c->number, now);
  c->in.at += (size_t)used;
  begin_body(c);
  if (c->plan.delay_ms)
    wait_ms(c, c->plan.delay_ms);
  return true;
}

/* Once the headers (after the delay) have left, the wait for the first byte. */
static bool wait_first_byte(struct conn *c) {
  uint64_t ms = c->plan.ttfb_ms;

  if (ms == 0)
    return false;
  c->plan.ttfb_ms = 0;
  if (flush(c))
    wait_ms(c, ms);
  return true;
}

static void do_body(struct conn *c) {
  if (c->plan.delay_ms) {
    c->plan.delay_ms = 0;
    c->body_start_ms = uv_now(c->tcp.loop);
  }
  if (!wait_first_byte(c))
    produce(c);
}

static void do_cut(struct conn *c) {
  switch (c->plan.cut) {
  case CUT_STALL:
    c->phase = STALLED;
    break;
  case CUT_RESET:
    /* A reset throws away what is under way: give it time to arrive. */
    c->plan.cut = CUT_NONE;
    wait_ms(c, TICK_MS);
    break;
  case CUT_CHUNK:
    buf_text(&c->out, "XYZ\r\nno chunk\r\n");
    c->plan.cut = CUT_CLOSE;
    break;
  case CUT_CLOSE:
    shut(c, c->plan.sent == 0 && c->plan.status == 0 ? "empty" : "cut", false);
    break;
  default:
    shut(c, "reset", true);
    break;
  }
}

static void do_end(struct conn *c) {
  bool close = c->plan.close;

  end_answer(c, "ok");
  c->phase = READ;
  if (close)
    shut(c, "ok", false);
}

/* One step; false when only input can move it. */
static bool step(struct conn *c) {
  switch (c->phase) {
  case READ:
    return next_request(c);
  case BODY:
    do_body(c);
    return true;
  case ENDLESS_HEADERS:
    for (int i = 0; i < 256; i++)
      buf_format(&c->out, "X-Endless-%d: %064d\r\n", i, i);
    return true;
  case CUT:
    do_cut(c);
    return true;
  case END:
    do_end(c);
    return true;
  default:
    return false;
  }
}

/* Headers and a small body leave in one write: out is flushed when a phase
 * needs it empty, not after each step. */
static bool must_flush(const struct conn *c) {
  return c->phase != BODY || c->plan.sent > 0;
}

static void run(struct conn *c) {
  bool more = true;

  while (more && !c->closing && !c->writing && !c->timing) {
    if (must_flush(c) && !flush(c))
      return;
    more = step(c);
  }
}

/* ---- input ------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf) {
  (void)handle;
  (void)hint;
  *buf = uv_buf_init(read_block, sizeof read_block);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct conn *c = stream->data;

  if (n == 0)
    return;
  if (n < 0 || c->in.len - c->in.at + (size_t)n > 4 * sizeof read_block) {
    shut(c, "gone", false);
    return;
  }
  if (c->in.at == c->in.len)
    buf_clear(&c->in);
  buf_add(&c->in, buf->base, (size_t)n);
  run(c);
}

void conn_accept(uv_stream_t *server, int status) {
  struct conn *c = status < 0 ? NULL : calloc(1, sizeof *c);

  if (!c)
    return;
  uv_tcp_init(server->loop, &c->tcp);
  uv_timer_init(server->loop, &c->timer);
  c->tcp.data = c->timer.data = c->write.data = c;
  c->open_handles = 2;
  c->number = ++numbers;
  c->next = first;
  if (first)
    first->prev = c;
  first = c;
  journal_connected();
  if (uv_accept(server, (uv_stream_t *)&c->tcp) < 0 ||
      uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) < 0) {
    shut(c, "gone", false);
    return;
  }
  uv_tcp_nodelay(&c->tcp, 1);
}
