/* SPDX-License-Identifier: MIT
 *
 * Steps over the bytes of one body: see steps.h.
 */
#include "config.h"

#include "steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct steps {
  struct steps_plan plan;
  struct digest_sum sum[DIGEST_TYPES]; /* state NULL: not asked for */
  struct digest value[DIGEST_TYPES];
  int64_t fed;
  char why[STEPS_WHY];
};

bool steps_wanted(const struct steps_plan *plan) {
  return plan->record != DIGEST_NONE || plan->expected_count > 0;
}

void steps_expect(struct steps_plan *plan, const struct digest *digest,
                  const char *whose) {
  if (digest->type == DIGEST_NONE || plan->expected_count == STEPS_EXPECTED)
    return;
  plan->whose[plan->expected_count] = whose;
  plan->expected[plan->expected_count++] = *digest;
}

static int want_sum(struct steps *steps, enum digest_type type) {
  if (type == DIGEST_NONE || steps->sum[type].state != NULL)
    return 0;
  return digest_sum_init(&steps->sum[type], type);
}

int steps_new(struct steps **out, const struct steps_plan *plan) {
  struct steps *steps = calloc(1, sizeof(*steps));
  int code;
  if (steps == NULL)
    return ERR_NOMEM;
  steps->plan = *plan;
  code = want_sum(steps, plan->record);
  for (unsigned i = 0; i < plan->expected_count && code == 0; i++)
    code = want_sum(steps, plan->expected[i].type);
  if (code != 0) {
    steps_free(steps);
    return code;
  }
  *out = steps;
  return 0;
}

void steps_free(struct steps *steps) {
  if (steps == NULL)
    return;
  for (int type = 0; type < DIGEST_TYPES; type++)
    digest_sum_fini(&steps->sum[type]);
  free(steps);
}

void steps_feed(struct steps *steps, const void *data, size_t length) {
  for (int type = 0; type < DIGEST_TYPES; type++)
    if (steps->sum[type].state != NULL)
      digest_sum_add(&steps->sum[type], data, length);
  steps->fed += (int64_t)length;
}

int64_t steps_fed(const struct steps *steps) {
  return steps->fed;
}

static int compare(struct steps *steps, unsigned i) {
  const struct digest *expected = &steps->plan.expected[i];
  const struct digest *got = &steps->value[expected->type];
  char want[DIGEST_HEX], have[DIGEST_HEX];
  if (digest_equal(expected, got))
    return 0;
  snprintf(steps->why, sizeof(steps->why),
           "%s does not agree: the %s of the body is %s, not %s",
           steps->plan.whose[i], digest_name(expected->type),
           digest_hex(got, have), digest_hex(expected, want));
  return ERR_MISMATCH;
}

int steps_end(struct steps *steps) {
  int code = 0;
  for (int type = 0; type < DIGEST_TYPES && code == 0; type++)
    if (steps->sum[type].state != NULL) {
      code = digest_sum_end(&steps->sum[type], &steps->value[type]);
      digest_sum_fini(&steps->sum[type]);
    }
  if (code != 0)
    snprintf(steps->why, sizeof(steps->why), "a digest could not be computed");
  for (unsigned i = 0; i < steps->plan.expected_count && code == 0; i++)
    code = compare(steps, i);
  return code;
}

const struct digest *steps_digest(const struct steps *steps) {
  return &steps->value[steps->plan.record];
}

const char *steps_why(const struct steps *steps) {
  return steps->why;
}
