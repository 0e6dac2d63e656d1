/* SPDX-License-Identifier: MIT
 *
 * Steps over the bytes of one body: see steps.h.
 */
#include "config.h"

#include "steps.h"

#include "json_check.h"
#include "pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct steps {
  struct steps_plan plan;
  struct digest_sum sum[DIGEST_TYPES]; /* state NULL: not asked for */
  struct digest value[DIGEST_TYPES];
  struct digest_sum out; /* of what is unpacked: the digest to be recorded */
  struct digest out_value;
  char *text;  /* room for what is recorded: at the end nothing may fail */
  bool no_sum; /* one that was asked for could not be computed */
  struct pieces *pieces; /* NULL: none are known */
  int64_t fed;
  struct json_check *json; /* NULL: not asked for */
  struct unpack *gzip;     /* likewise; what comes out is dropped */
  bool malformed;
  char why[STEPS_WHY];
};

static const char *const checks[BODY_CHECKS] = {"none", "json", "gzip"};

const char *body_check_name(enum body_check check) {
  return checks[check];
}

int body_check_find(const char *name) {
  for (int i = 0; i < BODY_CHECKS; i++)
    if (strcmp(checks[i], name) == 0)
      return i;
  return -1;
}

bool steps_wanted(const struct steps_plan *plan) {
  return plan->record != DIGEST_NONE || plan->expected_count > 0 ||
         plan->pieces != NULL || plan->check != CHECK_NONE ||
         plan->unpack != UNPACK_NONE;
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

static int want_check(struct steps *steps) {
  const struct unpack_limits none = {0, 0};
  if (steps->plan.check == CHECK_GZIP)
    return unpack_new(&steps->gzip, UNPACK_GZIP, &none);
  if (steps->plan.check != CHECK_JSON)
    return 0;
  steps->json = malloc(sizeof(*steps->json));
  if (steps->json == NULL)
    return ERR_NOMEM;
  json_check_init(steps->json);
  return 0;
}

/* Those of another file are no use; its size is compared elsewhere. */
static int want_pieces(struct steps *steps) {
  int code = pieces_new(&steps->pieces, steps->plan.pieces, steps->plan.size);
  steps->plan.pieces = NULL;
  return code == ERR_SYNTAX ? 0 : code;
}

int steps_new(struct steps **out, const struct steps_plan *plan) {
  struct steps *steps = calloc(1, sizeof(*steps));
  int code = 0;
  if (steps == NULL)
    return ERR_NOMEM;
  steps->plan = *plan;
  if (plan->record != DIGEST_NONE) {
    steps->text = malloc(DIGEST_TEXT);
    code = steps->text != NULL ? 0 : ERR_NOMEM;
  }
  if (code != 0) {
    free(steps);
    return code;
  }
  if (plan->unpack == UNPACK_NONE)
    code = want_sum(steps, plan->record);
  else if (plan->record != DIGEST_NONE)
    code = digest_sum_init(&steps->out, plan->record);
  for (unsigned i = 0; i < plan->expected_count && code == 0; i++)
    code = want_sum(steps, plan->expected[i].type);
  if (code == 0)
    code = want_check(steps);
  if (code == 0 && plan->pieces != NULL)
    code = want_pieces(steps);
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
  digest_sum_fini(&steps->out);
  pieces_free(steps->pieces);
  free(steps->json);
  unpack_free(steps->gzip);
  free(steps->text);
  free(steps);
}

static void not_json(struct steps *steps) {
  steps->malformed = true;
  snprintf(steps->why, sizeof(steps->why), "this is no JSON: %s at byte %lld",
           steps->json->why, (long long)steps->json->offset);
}

static void feed_json(struct steps *steps, const void *data, size_t length) {
  if (!steps->malformed && !json_check_feed(steps->json, data, length))
    not_json(steps);
}

static void feed_gzip(struct steps *steps, const void *data, size_t length) {
  char drop[16384];
  int64_t n;
  if (steps->malformed)
    return;
  unpack_give(steps->gzip, data, length);
  do
    n = unpack_take(steps->gzip, drop, sizeof(drop));
  while (n > 0);
  if (n == 0)
    return;
  steps->malformed = true;
  snprintf(steps->why, sizeof(steps->why), "this is no gzip, at byte %lld",
           (long long)unpack_in(steps->gzip));
}

static void add_to(struct steps *steps, struct digest_sum *sum,
                   const void *data, size_t length) {
  digest_sum_add(sum, data, length);
  steps->no_sum = steps->no_sum || sum->state == NULL;
}

void steps_feed(struct steps *steps, const void *data, size_t length) {
  if (length == 0)
    return;
  if (steps->json != NULL && steps->plan.unpack == UNPACK_NONE)
    feed_json(steps, data, length);
  if (steps->gzip != NULL)
    feed_gzip(steps, data, length);
  for (int type = 0; type < DIGEST_TYPES; type++)
    if (steps->sum[type].state != NULL)
      add_to(steps, &steps->sum[type], data, length);
  if (steps->pieces != NULL && steps->plan.expected_count == 0)
    pieces_feed(steps->pieces, data, length);
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

/* The digest that was promised says more than a look inside, so that this
 * comes last. */
static int end_check(struct steps *steps) {
  if (steps->json != NULL && steps->plan.unpack == UNPACK_NONE &&
      !steps->malformed && !json_check_end(steps->json))
    not_json(steps);
  if (steps->gzip != NULL)
    feed_gzip(steps, NULL, 0);
  return steps->malformed ? ERR_MALFORMED : 0;
}

static int compare_pieces(struct steps *steps) {
  const struct ranges *bad;
  int code = pieces_end(steps->pieces, &bad);
  if (code != 0 || bad->count == 0)
    return code;
  snprintf(steps->why, sizeof(steps->why),
           "the digests of the pieces do not agree, first at byte %lld",
           (long long)bad->items[0].first);
  return ERR_MISMATCH;
}

static int without_sum(struct steps *steps) {
  snprintf(steps->why, sizeof(steps->why), "a digest could not be computed");
  return ERR_UNSUPPORTED;
}

int steps_end(struct steps *steps) {
  int code = steps->no_sum ? ERR_UNSUPPORTED : 0;
  for (int type = 0; type < DIGEST_TYPES && code == 0; type++)
    if (steps->sum[type].state != NULL) {
      code = digest_sum_end(&steps->sum[type], &steps->value[type]);
      digest_sum_fini(&steps->sum[type]);
    }
  if (code != 0)
    return without_sum(steps);
  for (unsigned i = 0; i < steps->plan.expected_count && code == 0; i++)
    code = compare(steps, i);
  if (code == 0 && steps->pieces != NULL && steps->plan.expected_count == 0)
    code = compare_pieces(steps);
  return code == 0 ? end_check(steps) : code;
}

bool steps_have_pieces(const struct steps *steps) {
  return steps->pieces != NULL;
}

bool steps_look_again(const struct steps *steps) {
  return steps->plan.mend && steps->pieces != NULL &&
         pieces_fed(steps->pieces) < steps->fed;
}

int64_t steps_looked(const struct steps *steps) {
  return pieces_fed(steps->pieces);
}

void steps_look(struct steps *steps, const void *data, size_t length) {
  pieces_feed(steps->pieces, data, length);
}

bool steps_damage(struct steps *steps, const struct ranges **bad) {
  return steps->plan.mend && steps->pieces != NULL &&
         pieces_end(steps->pieces, bad) == 0 && (*bad)->count > 0 &&
         ranges_total(*bad) < steps->fed;
}

/* ---- unpacking -------------------------------------------------------------
 */

bool steps_need_bytes(const struct steps *steps) {
  bool itself = steps->plan.unpack == UNPACK_NONE;
  return steps->plan.expected_count > 0 || steps->pieces != NULL ||
         steps->gzip != NULL ||
         (itself && (steps->json != NULL || steps->plan.record != DIGEST_NONE));
}

enum unpack_kind steps_unpack(const struct steps *steps,
                              struct unpack_limits *limits) {
  *limits = steps->plan.unpack_limits;
  return steps->plan.unpack;
}

int steps_unpacked(struct steps *steps, const void *data, size_t length) {
  if (steps->out.state != NULL)
    add_to(steps, &steps->out, data, length);
  if (steps->json != NULL)
    feed_json(steps, data, length);
  return steps->malformed ? ERR_MALFORMED : 0;
}

int steps_unpacked_end(struct steps *steps) {
  if (steps->json != NULL && !steps->malformed && !json_check_end(steps->json))
    not_json(steps);
  if (steps->malformed)
    return ERR_MALFORMED;
  if (steps->no_sum || (steps->out.state != NULL &&
                        digest_sum_end(&steps->out, &steps->out_value) != 0))
    return without_sum(steps);
  return 0;
}

void steps_unpack_failed(struct steps *steps, int code) {
  const char *kind = unpack_name(steps->plan.unpack);
  if (steps->why[0] != '\0')
    return;
  if (code == ERR_BOMB)
    snprintf(steps->why, sizeof(steps->why),
             "the %s data unpacks to more than --max-ratio or --max-unpacked "
             "allow",
             kind);
  else if (code == ERR_MALFORMED)
    snprintf(steps->why, sizeof(steps->why),
             "the body is damaged or no %s data", kind);
}

const struct digest *steps_digest(const struct steps *steps) {
  if (steps->plan.unpack != UNPACK_NONE)
    return &steps->out_value;
  return &steps->value[steps->plan.record];
}

char *steps_take_digest(struct steps *steps) {
  char *text = steps->text;
  if (text == NULL || *digest_text(steps_digest(steps), text) == '\0')
    return NULL;
  steps->text = NULL;
  return text;
}

const char *steps_why(const struct steps *steps) {
  return steps->why;
}
