/* SPDX-License-Identifier: MIT
 *
 * The order in which a session delivers: priorities, deadlines, at random,
 * past hosts that are full.
 */
#include "config.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chunk.h"
#include "order.h"
#include "session_rig.h"

#define FAR 4000000000 /* a deadline in 2096 */

struct made {
  struct rig rig;
  char path[256];
  char *text;
  size_t length, cap;
  unsigned count[16]; /* of each host, out with the engine */
  unsigned most;
  unsigned ticks;
};

__attribute__((format(printf, 2, 3))) static void
add_line(struct made *m, const char *format, ...) {
  va_list args;
  if (m->cap - m->length < 256) {
    m->cap = m->cap * 2 + 65536;
    m->text = realloc(m->text, m->cap);
    assert_non_null(m->text);
  }
  va_start(args, format);
  int n = vsnprintf(m->text + m->length, m->cap - m->length, format, args);
  va_end(args);
  assert_in_range(n, 1, 250);
  m->length += (size_t)n;
}

static void save(struct made *m, const char *name) {
  rig_write(&m->rig, name, m->text, m->length, m->path, sizeof m->path);
}

static int open_made(void **state) {
  struct made *m = calloc(1, sizeof *m);
  assert_non_null(m);
  rig_init(&m->rig);
  m->rig.window = 16;
  m->rig.arg = m;
  m->rig.order.deadlines = true;
  *state = m;
  return 0;
}

static int close_made(void **state) {
  struct made *m = *state;
  rig_fini(&m->rig);
  free(m->text);
  free(m);
  return 0;
}

/* Every task of a list of count lines was delivered, each once. */
static void each_once(const struct rig *rig, size_t count) {
  uint8_t *seen = calloc(1, count + 1);
  assert_non_null(seen);
  assert_int_equal(rig->item_count, count);
  for (size_t i = 0; i < rig->item_count; i++) {
    uint64_t ordinal = task_ordinal(rig->items[i].id);
    assert_in_range(ordinal, 1, count);
    assert_int_equal(seen[ordinal]++, 0);
  }
  free(seen);
}

static uint64_t chunk_of(const struct rig_item *item) {
  return (task_ordinal(item->id) - 1) / CHUNK_LINES;
}

/* ---- priorities -----------------------------------------------------------
 */

static void a_chunk_of_higher_priority_goes_first(void **state) {
  struct made *m = *state;
  size_t last_of_3 = 0, first_of_others = SIZE_MAX;
  for (unsigned i = 0; i < 5 * CHUNK_LINES; i++)
    add_line(m, "{\"url\":\"http://h/%u\",\"priority\":%d}\n", i,
             i == 0                 ? 1
             : i / CHUNK_LINES == 3 ? 5
                                    : 0);
  save(m, "list.jsonl");
  m->rig.read_first = true;
  rig_session(&m->rig, m->path);
  each_once(&m->rig, 5 * CHUNK_LINES);
  for (size_t i = 0; i < m->rig.item_count; i++) {
    uint64_t chunk = chunk_of(&m->rig.items[i]);
    if (chunk == 3)
      last_of_3 = i;
    else if (chunk != 0 && first_of_others == SIZE_MAX)
      first_of_others = i;
  }
  assert_true(last_of_3 < first_of_others);
}

static void within_a_short_list_priorities_count_too(void **state) {
  struct made *m = *state;
  size_t low = 0, last_low = 0, early = 0;
  for (unsigned i = 0; i < 3000; i++)
    add_line(m, "{\"url\":\"http://h/%u\",\"priority\":%u}\n", i, i % 3);
  save(m, "list.jsonl");
  m->rig.read_first = true;
  rig_session(&m->rig, m->path);
  each_once(&m->rig, 3000);
  /* The first ones went out before anything was known of the others. */
  for (size_t i = 0; i < 3000; i++) {
    unsigned priority = (unsigned)((task_ordinal(m->rig.items[i].id) - 1) % 3);
    low += priority == 0;
    if (priority == 2)
      last_low = low; /* so many of the lowest went before one of the highest */
    if (priority == 1)
      early = low;
  }
  assert_in_range(last_low, 0, 300);
  assert_int_equal(early, last_low);
}

static int hold_all(struct rig *rig, const struct rig_item *item) {
  (void)rig;
  (void)item;
  return RIG_HOLD;
}

static void put_in_order(struct rig *rig) {
  if (rig->delivered < 20000)
    return;
  rig->tick = NULL;
  session_priority_put(rig->session, 15000, 4);
  session_priority_put(rig->session, 15000, 5);
  session_priority_put(rig->session, 9, 1);
  session_priority_put(rig->session, 3, -2);
}

static int fail_the_ninth(struct rig *rig, const struct rig_item *item) {
  (void)rig;
  return item->id == 9 ? TASK_FAILED : TASK_DONE;
}

static void an_order_given_by_hand_outlives_the_run(void **state) {
  struct made *m = *state;
  struct rig *rig = &m->rig;
  for (unsigned i = 0; i < 20000; i++)
    add_line(m, "http://h/%u\n", i);
  save(m, "list");
  rig->window = 20000;
  rig->verdict = hold_all;
  rig->tick = put_in_order;
  rig->stop_after = 20000;
  rig_session(rig, m->path);
  rig->window = 16;
  rig->verdict = fail_the_ninth;
  rig->stop_after = 0;
  rig_session(rig, NULL);
  each_once(rig, 20000);
  assert_int_equal(rig->items[0].id, 15000);
  assert_int_equal(rig->items[0].priority, 5);
  assert_int_equal(rig->items[1].id, 9);
  assert_int_equal(rig->items[1].priority, 1);
  assert_int_equal(rig->items[2].id, 1);
  assert_int_equal(rig->items[2].priority, 0);
  assert_int_equal(rig->items[19999].id, 3);
  assert_int_equal(rig->items[19999].priority, -2);
  rig->verdict = NULL;
  rig_session(rig, NULL); /* it failed: it has it still */
  assert_int_equal(rig->delivered, 1);
  assert_int_equal(rig->items[0].priority, 1);
}

/* ---- deadlines ------------------------------------------------------------
 */

static void stop_when_read(struct rig *rig) {
  struct session_counts counts;
  session_counts(rig->session, &counts);
  if (counts.tasks >= 0)
    rig->stop_after = 1;
}

static void
the_earliest_deadline_goes_first_at_once_after_a_resume(void **state) {
  struct made *m = *state;
  struct rig *rig = &m->rig;
  for (unsigned i = 0; i < 4 * CHUNK_LINES; i++)
    add_line(m,
             "http://h/%u?Expires=%" PRId64 "&Signature=x&AWSAccessKeyId=y\n",
             i, (int64_t)FAR + (i / CHUNK_LINES == 2 ? -86400 * 30 : (int)i));
  save(m, "list");
  rig->window = 4;
  rig->tick = stop_when_read;
  rig_session(rig, m->path);
  size_t before = rig->item_count;
  assert_true(before < 3 * CHUNK_LINES);
  rig_reset(rig);
  rig->tick = NULL;
  rig->stop_after = 0;
  rig->window = 64;
  rig_session(rig, m->path);
  assert_int_equal(before + rig->item_count, 4 * CHUNK_LINES);
  assert_int_equal(chunk_of(&rig->items[0]), 2);
  size_t last = 0;
  for (size_t i = 0; i < rig->item_count; i++)
    if (chunk_of(&rig->items[i]) == 2)
      last = i;
  assert_true(last < CHUNK_LINES);
}

static void a_list_signed_again_has_new_deadlines(void **state) {
  struct made *m = *state;
  struct rig *rig = &m->rig;
  for (int round = 0; round < 2; round++) {
    m->length = 0;
    for (unsigned i = 0; i < 2 * CHUNK_LINES; i++)
      add_line(
          m, "http://h/%u?Expires=%" PRId64 "&Signature=%d&AWSAccessKeyId=y\n",
          i, (int64_t)FAR + (round == (int)(i / CHUNK_LINES) ? 0 : 86400),
          round);
    save(m, "list");
    rig->window = 4;
    rig->tick = round == 0 ? stop_when_read : NULL;
    rig->stop_after = round == 0 ? 0 : 10;
    rig_reset(rig);
    rig_session(rig, m->path);
    assert_true(rig->item_count >= 1);
  }
  assert_int_equal(chunk_of(&rig->items[0]), 1);
}

/* ---- at random ------------------------------------------------------------
 */

static void shuffled_tasks_come_once_and_from_everywhere(void **state) {
  struct made *m = *state;
  struct rig *rig = &m->rig;
  const size_t count = 3 * CHUNK_LINES + 1000;
  size_t steps = 0;
  unsigned early[4] = {0};
  for (size_t i = 0; i < count; i++)
    add_line(m, "http://h/%zu\n", i);
  save(m, "list");
  rig->window = 200;
  rig->order = (struct session_order){.shuffle = true, .seed = 11};
  rig_session(rig, m->path);
  each_once(rig, count);
  for (size_t i = 0; i + 1 < count; i++)
    steps += rig->items[i + 1].id == rig->items[i].id + 1;
  assert_true(steps < count / 4);
  for (size_t i = 2000; i < 10000; i++)
    early[chunk_of(&rig->items[i])]++;
  for (int i = 0; i < 3; i++)
    assert_true(early[i] > 500);
}

static void a_shuffled_list_goes_on_after_a_stop(void **state) {
  struct made *m = *state;
  struct rig *rig = &m->rig;
  const size_t count = 2 * CHUNK_LINES;
  size_t before;
  for (size_t i = 0; i < count; i++)
    add_line(m, "http://h/%zu\n", i);
  save(m, "list");
  rig->window = 200;
  rig->order = (struct session_order){.shuffle = true, .seed = 12};
  rig->stop_after = 5000;
  rig_session(rig, m->path);
  before = rig->settled;
  assert_true(before >= 4800 && before < 6000);
  rig_reset(rig);
  rig->stop_after = 0;
  rig->order.seed = 13;
  rig_session(rig, m->path);
  assert_int_equal(before + rig->settled, count);
  assert_int_equal(rig->counts.done, count);
}

/* ---- full hosts ------------------------------------------------------------
 */

static unsigned host_of(const char *url) {
  return (unsigned)(url[strlen("http://h")] - 'a');
}

static bool accepts(void *arg, const char *url) {
  const struct made *m = ((struct rig *)arg)->arg;
  return m->count[host_of(url)] < m->most;
}

static uint64_t full(void *arg) {
  const struct made *m = ((struct rig *)arg)->arg;
  uint64_t bits = 0, others = 0;
  for (unsigned i = 0; i < 8; i++) {
    char url[] = "http://ha/";
    url[8] = (char)('a' + i);
    *(m->count[i] >= m->most ? &bits : &others) |= order_host_bit(url);
  }
  return bits & ~others;
}

static int count_and_hold(struct rig *rig, const struct rig_item *item) {
  struct made *m = rig->arg;
  m->count[host_of(item->url)]++;
  return RIG_HOLD;
}

static int count_and_end(struct rig *rig, const struct rig_item *item) {
  struct made *m = rig->arg;
  m->count[host_of(item->url)]++;
  return TASK_DONE;
}

static void sorted_by_host(struct made *m, unsigned each) {
  for (unsigned host = 0; host < 8; host++)
    for (unsigned i = 0; i < each; i++)
      add_line(m, "http://h%c/%u\n", 'a' + (int)host, i);
  save(m, "list");
}

static void give_up_after_a_while(struct rig *rig) {
  struct made *m = rig->arg;
  unsigned sum = 0;
  for (int i = 0; i < 8; i++)
    sum += m->count[i];
  if (sum == 8 * m->most || ++m->ticks > 3000)
    rig->stop_after = 1;
}

static void full_hosts_do_not_keep_the_others_out(void **state) {
  struct made *m = *state;
  sorted_by_host(m, 5000);
  m->most = 100;
  m->rig.window = 2000;
  m->rig.accepts = accepts;
  m->rig.full = full;
  m->rig.verdict = count_and_hold;
  m->rig.tick = give_up_after_a_while;
  rig_session(&m->rig, m->path);
  for (int i = 0; i < 8; i++)
    assert_int_equal(m->count[i], 100);
  assert_true(m->ticks < 1000);
}

/* Each host gets room again when all are full. */
static void relieve(struct rig *rig) {
  struct made *m = rig->arg;
  if (++m->ticks % 4 != 0)
    return;
  memset(m->count, 0, sizeof m->count);
  session_hosts_changed(rig->session);
}

static void lines_that_were_passed_over_come_later(void **state) {
  struct made *m = *state;
  sorted_by_host(m, 5000);
  m->most = 100;
  m->rig.window = 2000;
  m->rig.accepts = accepts;
  m->rig.full = full;
  m->rig.verdict = count_and_end;
  m->rig.tick = relieve;
  rig_session(&m->rig, m->path);
  each_once(&m->rig, 8 * 5000);
  assert_int_equal(m->rig.counts.done, 8 * 5000);
}

static void a_bad_line_that_was_read_ahead_counts_once(void **state) {
  struct made *m = *state;
  struct rig *rig = &m->rig;
  for (unsigned i = 0; i < 3 * CHUNK_LINES; i++)
    if (i % 5000 == 4999)
      add_line(m, "no url\n");
    else
      add_line(m,
               "http://h/%u?Expires=%" PRId64 "&Signature=x&AWSAccessKeyId=y\n",
               i, (int64_t)FAR + i);
  save(m, "list");
  rig->window = 64;
  rig_session(rig, m->path);
  assert_int_equal(rig->bad_count, 4);
  assert_int_equal(rig->counts.bad_lines, 4);
  assert_int_equal(rig->counts.tasks, 3 * CHUNK_LINES - 4);
  assert_int_equal(rig->counts.done, 3 * CHUNK_LINES - 4);
}

int main(void) {
#define MADE(name) cmocka_unit_test_setup_teardown(name, open_made, close_made)
  const struct CMUnitTest tests[] = {
      MADE(a_chunk_of_higher_priority_goes_first),
      MADE(within_a_short_list_priorities_count_too),
      MADE(an_order_given_by_hand_outlives_the_run),
      MADE(the_earliest_deadline_goes_first_at_once_after_a_resume),
      MADE(a_list_signed_again_has_new_deadlines),
      MADE(shuffled_tasks_come_once_and_from_everywhere),
      MADE(a_shuffled_list_goes_on_after_a_stop),
      MADE(full_hosts_do_not_keep_the_others_out),
      MADE(lines_that_were_passed_over_come_later),
      MADE(a_bad_line_that_was_read_ahead_counts_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
