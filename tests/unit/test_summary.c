/* SPDX-License-Identifier: MIT
 *
 * summary: sums are exact, what is frequent survives any number of names met
 * once, quantiles are within 4%, and rows bring everything back.
 */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "summary.h"

static struct summary s, again;

static int setup(void **state) {
  (void)state;
  summary_fini(&s);
  summary_fini(&again);
  return 0;
}

static void note(const char *host, int status, int64_t bytes, uint64_t us) {
  const struct summary_end end = {status, host, "text/html", bytes, us};
  summary_note(&s, &end);
}

static uint64_t sum_of(const struct summary *summary, enum summary_by by,
                       size_t *names) {
  struct summary_share shares[SUMMARY_SHOWN];
  uint64_t sum;
  *names = summary_busiest(summary, by, shares, &sum);
  for (size_t i = 0; i < *names; i++)
    sum += shares[i].count;
  return sum;
}

/* ---- a table of rows as the database has it --------------------------------
 */

#define ROWS 3000
static struct row {
  char kind[16], name[64];
  uint64_t value;
} rows[ROWS];
static size_t row_count, told, refuse_from;

static int put_row(void *arg, const char *kind, const char *name,
                   uint64_t value) {
  size_t kept = 0, at = 0;
  (void)arg;
  if (refuse_from > 0 && told + 1 >= refuse_from)
    return ERR_NOMEM;
  told++;
  if (name == NULL) {
    for (size_t i = 0; i < row_count; i++)
      if (strcmp(rows[i].kind, kind) != 0)
        rows[kept++] = rows[i];
    row_count = kept;
    return 0;
  }
  while (at < row_count &&
         (strcmp(rows[at].kind, kind) != 0 || strcmp(rows[at].name, name) != 0))
    at++;
  assert_true(at < ROWS);
  row_count += at == row_count;
  snprintf(rows[at].kind, sizeof rows[at].kind, "%s", kind);
  snprintf(rows[at].name, sizeof rows[at].name, "%s", name);
  rows[at].value = value;
  return 0;
}

static void load_rows(void) {
  summary_fini(&again);
  for (size_t i = 0; i < row_count; i++)
    assert_int_equal(
        summary_load(&again, rows[i].kind, rows[i].name, rows[i].value), 0);
}

static void assert_same(void) {
  for (int by = 0; by < SUMMARY_BYS; by++) {
    struct summary_share a[SUMMARY_SHOWN], b[SUMMARY_SHOWN];
    uint64_t others_a, others_b;
    size_t count = summary_busiest(&s, (enum summary_by)by, a, &others_a);
    assert_int_equal(summary_busiest(&again, (enum summary_by)by, b, &others_b),
                     count);
    assert_int_equal(others_b, others_a);
    for (size_t i = 0; i < count; i++) {
      assert_string_equal(b[i].name, a[i].name);
      assert_int_equal(b[i].count, a[i].count);
    }
  }
  for (int of = 0; of < SUMMARY_OFS; of++)
    assert_memory_equal(summary_values(&again, (enum summary_of)of),
                        summary_values(&s, (enum summary_of)of),
                        sizeof(struct histogram));
}

/* ---- tests ------------------------------------------------------------------
 */

static void ends_are_counted_by_what_they_say(void **state) {
  struct summary_share shares[SUMMARY_SHOWN];
  uint64_t others;
  (void)state;
  for (int i = 0; i < 10; i++)
    note(i < 7 ? "http://a:80" : "http://b:80", i < 9 ? 200 : 404,
         i < 9 ? 100 : -1, 1000);
  note(NULL, 0, 100, 0);
  assert_int_equal(summary_busiest(&s, SUMMARY_STATUS, shares, &others), 3);
  assert_int_equal(others, 0);
  assert_string_equal(shares[0].name, "200");
  assert_int_equal(shares[0].count, 9);
  assert_string_equal(shares[1].name, "404");
  assert_string_equal(shares[2].name, "none");
  assert_int_equal(summary_busiest(&s, SUMMARY_HOST, shares, &others), 3);
  assert_string_equal(shares[0].name, "http://a:80");
  assert_int_equal(shares[0].count, 7);
  assert_int_equal(shares[1].count, 3);
  assert_int_equal(summary_values(&s, SUMMARY_SIZE)->count, 10);
  assert_int_equal(summary_values(&s, SUMMARY_LATENCY)->count, 10);
}

static void what_is_frequent_survives_many_rare_names(void **state) {
  struct summary_share shares[SUMMARY_SHOWN];
  uint64_t others, found = 0;
  size_t names;
  char host[32];
  (void)state;
  for (int i = 0; i < 50000; i++) {
    snprintf(host, sizeof host, i % 10 == 0 ? "big%d" : "rare%d",
             i % 10 == 0 ? i / 10 % 20 : i);
    note(host, 200, 1, 1);
  }
  assert_int_equal(sum_of(&s, SUMMARY_HOST, &names), 50000);
  assert_int_equal(names, SUMMARY_SHOWN);
  names = summary_busiest(&s, SUMMARY_HOST, shares, &others);
  for (size_t i = 0; i < 20; i++) {
    assert_memory_equal(shares[i].name, "big", 3);
    found += shares[i].count;
  }
  for (size_t cap = 0; cap <= 8; cap += 4) {
    struct summary_share top[8];
    uint64_t rest, sum = 0;
    assert_int_equal(summary_top(&s, SUMMARY_HOST, top, cap, &rest), cap);
    for (size_t i = 0; i < cap; i++) {
      assert_string_equal(top[i].name, shares[i].name);
      sum += top[i].count;
    }
    assert_int_equal(sum + rest, 50000);
  }
  /* Each may have lost what it was counted before it stood out. */
  assert_in_range(found, 4900, 5000);
}

static void rows_bring_everything_back(void **state) {
  char host[32];
  int refused = 0;
  (void)state;
  row_count = told = refuse_from = 0;
  srand(4711);
  for (int i = 0; i < 5000; i++) {
    snprintf(host, sizeof host, "h%d", rand() % (i < 2500 ? 90 : 3000));
    note(host, 200 + rand() % 5, rand(), (uint64_t)rand() + 1);
    if (i % 100 != 0)
      continue;
    /* Every second time only some of the rows are taken. */
    refuse_from = i % 200 == 0 ? told + 1 + (size_t)(rand() % 30) : 0;
    int rc = summary_take(&s, put_row, NULL);
    assert_int_equal(rc, rc == 0 || refuse_from == 0 ? 0 : ERR_NOMEM);
    if (rc != 0) {
      refused++;
      continue;
    }
    load_rows();
    assert_same();
  }
  assert_in_range(refused, 10, 25);
  refuse_from = 0;
  assert_int_equal(summary_take(&s, put_row, NULL), 0);
  load_rows();
  assert_same();
  told = 0;
  assert_int_equal(summary_take(&s, put_row, NULL), 0);
  assert_int_equal(told, 0);
}

static void one_end_changes_few_rows(void **state) {
  (void)state;
  row_count = told = refuse_from = 0;
  for (int i = 0; i < 1000; i++)
    note("h", 200, 1000 + i, 5000);
  assert_int_equal(summary_take(&s, put_row, NULL), 0);
  told = 0;
  note("h", 200, 1500, 4000);
  assert_int_equal(summary_take(&s, put_row, NULL), 0);
  assert_int_equal(told, 5); /* status, host, type, size, time */
}

static void quantiles_are_close(void **state) {
  static const double share[] = {0.5, 0.9, 0.99};
  const struct histogram *sizes = summary_values(&s, SUMMARY_SIZE);
  (void)state;
  for (int i = 1; i <= 100000; i++)
    note("h", 200, (int64_t)i * 37, 0);
  for (size_t i = 0; i < 3; i++) {
    double want = share[i] * 3700000;
    double got = (double)histogram_quantile(sizes, share[i]);
    if (fabs(got - want) > 0.04 * want)
      print_error("p%g: got %g, want %g\n", share[i] * 100, got, want);
    assert_true(fabs(got - want) <= 0.04 * want);
  }
  assert_int_equal(sizes->max, 3700000);
}

static void foreign_rows_do_no_harm(void **state) {
  size_t names;
  (void)state;
  assert_int_equal(summary_load(&again, "nothing", "x", 1), 0);
  assert_int_equal(summary_load(&again, "size", "12x", 1), 0);
  assert_int_equal(summary_load(&again, "size", "", 1), 0);
  assert_int_equal(summary_load(&again, "max", "x", 1), 0);
  assert_int_equal(summary_values(&again, SUMMARY_SIZE)->count, 0);
  for (int i = 0; i < 3 * SUMMARY_NAMES; i++) {
    char name[16];
    snprintf(name, sizeof name, "t%d", i);
    assert_int_equal(summary_load(&again, "type", name, 2), 0);
  }
  assert_int_equal(sum_of(&again, SUMMARY_TYPE, &names), 6 * SUMMARY_NAMES);
}

static void types_lose_what_does_not_count(void **state) {
  static const char *const pairs[][2] = {
      {"Text/HTML; charset=utf-8", "text/html"},
      {"  image/png", "image/png"},
      {"a/b c", "a/b"},
      {"x/\xff\x1b[2J", "x/?"},
      {"", ""},
      {"application/"
       "vnd.openxmlformats-officedocument.wordprocessingml.document",
       "application/vnd.openxmlformats-officedocument.w"}};
  char out[SUMMARY_TYPE_CAP];
  (void)state;
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    assert_string_equal(summary_type(pairs[i][0], out), pairs[i][1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(ends_are_counted_by_what_they_say, setup,
                                      setup),
      cmocka_unit_test_setup_teardown(what_is_frequent_survives_many_rare_names,
                                      setup, setup),
      cmocka_unit_test_setup_teardown(rows_bring_everything_back, setup, setup),
      cmocka_unit_test_setup_teardown(one_end_changes_few_rows, setup, setup),
      cmocka_unit_test_setup_teardown(quantiles_are_close, setup, setup),
      cmocka_unit_test_setup_teardown(foreign_rows_do_no_harm, setup, setup),
      cmocka_unit_test(types_lose_what_does_not_count)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
