/* SPDX-License-Identifier: MIT
 *
 * bandwidth.c: turns and totals. The loop's clock is real, so the figures are
 * upper bounds only: never more bytes than the time allows. Turns are counted
 * from when all stand in line: the first ones may find the limit due again
 * before the last one has come.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/param.h>

#include "bandwidth.h"

#define READERS 10
#define CHUNK 1000

struct reader {
  struct byte_waiter turn; /* first */
  struct bench *bench;
  uint64_t bytes, in_line;
};

struct bench {
  uv_loop_t loop;
  uv_timer_t end;
  struct bandwidth bandwidth;
  struct byte_limit limit;
  struct reader reader[READERS];
  bool over;
};

/* Takes chunks until told to wait, as a body callback does. */
static void pull(struct reader *reader) {
  struct bench *b = reader->bench;
  struct byte_limit *const limits[] = {NULL, &b->limit};
  while (!b->over && bandwidth_pass(&b->bandwidth, limits, 2, &reader->turn,
                                    CHUNK, uv_hrtime()))
    reader->bytes += CHUNK;
}

static void on_go(struct byte_waiter *waiter) {
  struct reader *reader = (struct reader *)(void *)waiter;
  uint64_t before = reader->bytes;
  pull(reader);
  reader->in_line += reader->bytes - before;
}

static void on_end(uv_timer_t *timer) {
  struct bench *b = timer->data;
  b->over = true;
  for (int i = 0; i < READERS; i++)
    bandwidth_leave(&b->reader[i].turn);
  bandwidth_close(&b->bandwidth);
  uv_close((uv_handle_t *)timer, NULL);
}

static void readers_take_turns_within_the_limit(void **state) {
  struct bench *b = calloc(1, sizeof(*b));
  uint64_t started, total = 0, least = UINT64_MAX, most = 0;
  double seconds;
  (void)state;
  assert_non_null(b);
  uv_loop_init(&b->loop);
  uv_timer_init(&b->loop, &b->end);
  b->end.data = b;
  assert_int_equal(bandwidth_init(&b->bandwidth, &b->loop), 0);
  started = uv_hrtime();
  byte_limit_init(&b->limit, 500 * CHUNK, started);
  uv_timer_start(&b->end, on_end, 400, 0);
  for (int i = 0; i < READERS; i++) {
    b->reader[i].bench = b;
    b->reader[i].turn.go = on_go;
    pull(&b->reader[i]);
  }
  uv_run(&b->loop, UV_RUN_DEFAULT);
  seconds = (double)(uv_hrtime() - started) / 1e9;
  for (int i = 0; i < READERS; i++) {
    total += b->reader[i].bytes;
    least = MIN(least, b->reader[i].in_line);
    most = MAX(most, b->reader[i].in_line);
  }
  assert_in_range(most, CHUNK, least + CHUNK); /* nobody is a round ahead */
  assert_true((double)total <= seconds * 500 * CHUNK * 1.05 + 10 * CHUNK);
  bandwidth_fini(&b->bandwidth);
  uv_loop_close(&b->loop);
  free(b);
}

static void without_a_limit_nobody_waits(void **state) {
  struct bandwidth b;
  struct byte_limit limit;
  struct byte_limit *const limits[] = {&limit};
  struct byte_waiter waiter = {{NULL, NULL}, NULL, NULL};
  uv_loop_t loop;
  (void)state;
  uv_loop_init(&loop);
  assert_int_equal(bandwidth_init(&b, &loop), 0);
  byte_limit_init(&limit, 0, uv_hrtime());
  for (int i = 0; i < 100000; i++)
    assert_true(bandwidth_pass(&b, limits, 1, &waiter, 16384, uv_hrtime()));
  bandwidth_close(&b);
  uv_run(&loop, UV_RUN_DEFAULT);
  bandwidth_fini(&b);
  uv_loop_close(&loop);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(readers_take_turns_within_the_limit),
      cmocka_unit_test(without_a_limit_nobody_waits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
