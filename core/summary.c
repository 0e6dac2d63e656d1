/* SPDX-License-Identifier: MIT
 *
 * Counts and quantiles over a session: see summary.h. A name is looked for
 * where the one before it was, then by its hash along the table: tasks of one
 * host and type follow each other.
 */
#include "config.h"

#include "summary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_KEPT (SUMMARY_NAMES - SUMMARY_NAMES / 4)

static const char *const by_kind[SUMMARY_BYS] = {"status", "host", "type"};
static const char *const of_kind[SUMMARY_OFS] = {"size", "latency_us"};

void summary_fini(struct summary *s) {
  for (int by = 0; by < SUMMARY_BYS; by++)
    for (size_t i = 0; i < s->by[by].count; i++)
      free(s->by[by].item[i].name);
  memset(s, 0, sizeof *s);
}

/* ---- names --------------------------------------------------------------- */

/* FNV-1a. */
static uint64_t hash_of(const char *text) {
  uint64_t h = UINT64_C(0xcbf29ce484222325);
  for (; *text != '\0'; text++)
    h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
  return h;
}

static bool is_it(const struct summary_count *item, uint64_t hash,
                  const char *name) {
  return item->hash == hash && strcmp(item->name, name) == 0;
}

static struct summary_count *find(struct summary_names *names, uint64_t hash,
                                  const char *name) {
  if (names->last < names->count &&
      is_it(&names->item[names->last], hash, name))
    return &names->item[names->last];
  for (size_t i = 0; i < names->count; i++)
    if (is_it(&names->item[i], hash, name)) {
      names->last = i;
      return &names->item[i];
    }
  return NULL;
}

static int larger_first(const void *a, const void *b) {
  const struct summary_count *one = a, *two = b;
  return one->rank < two->rank ? 1 : one->rank > two->rank ? -1 : 0;
}

/* The rarest ones become others. */
static void fold(struct summary_names *names) {
  qsort(names->item, names->count, sizeof *names->item, larger_first);
  for (size_t i = 0; i < names->count; i++)
    names->item[i].changed = true;
  while (names->count > NAMES_KEPT) {
    struct summary_count *item = &names->item[--names->count];
    names->others += item->count;
    if (item->rank > names->floor)
      names->floor = item->rank;
    free(item->name);
  }
  names->others_changed = names->dropped = true;
}

/* NULL without memory. */
static struct summary_count *append(struct summary_names *names, uint64_t hash,
                                    const char *name) {
  char *copy = strdup(name);
  if (copy == NULL)
    return NULL;
  if (names->count == SUMMARY_NAMES)
    fold(names);
  names->last = names->count;
  struct summary_count *item = &names->item[names->count++];
  *item =
      (struct summary_count){.name = copy, .hash = hash, .rank = names->floor};
  return item;
}

static void count(struct summary_names *names, const char *name) {
  if (name == NULL || *name == '\0')
    name = "none";
  uint64_t hash = hash_of(name);
  struct summary_count *item = find(names, hash, name);
  if (item == NULL)
    item = append(names, hash, name);
  if (item == NULL) { /* no memory: it is counted all the same */
    names->others++;
    names->others_changed = true;
    return;
  }
  item->count++;
  item->rank++;
  item->changed = true;
}

/* ---- values -------------------------------------------------------------- */

static void record(struct summary_values *v, uint64_t value) {
  v->max_changed = v->max_changed || value > v->values.max;
  histogram_record(&v->values, value);
  v->changed[histogram_bucket(value)] = true;
  v->any_changed = true;
}

void summary_note(struct summary *s, const struct summary_end *end) {
  char status[16] = "none";
  if (end->status != 0)
    snprintf(status, sizeof status, "%d", end->status);
  count(&s->by[SUMMARY_STATUS], status);
  count(&s->by[SUMMARY_HOST], end->host);
  count(&s->by[SUMMARY_TYPE], end->type);
  if (end->bytes >= 0)
    record(&s->of[SUMMARY_SIZE], (uint64_t)end->bytes);
  if (end->latency_us > 0)
    record(&s->of[SUMMARY_LATENCY], end->latency_us);
}

char *summary_type(const char *header, char *out) {
  size_t length = 0;
  header += strspn(header, " \t");
  for (; length + 1 < SUMMARY_TYPE_CAP; header++, length++) {
    unsigned char c = (unsigned char)*header;
    if (c <= ' ' || c == ';' || c == ',')
      break;
    if (c >= 'A' && c <= 'Z')
      c = (unsigned char)(c - 'A' + 'a');
    out[length] = c > '~' ? '?' : (char)c;
  }
  out[length] = '\0';
  return out;
}

/* ---- rows ---------------------------------------------------------------- */

static int take_names(struct summary_names *names, const char *kind,
                      summary_row_fn *each, void *arg) {
  int rc = names->dropped ? each(arg, kind, NULL, 0) : 0;
  if (rc != 0)
    return rc;
  names->dropped = false;
  for (size_t i = 0; i < names->count; i++) {
    struct summary_count *item = &names->item[i];
    if (!item->changed)
      continue;
    rc = each(arg, kind, item->name, item->count);
    if (rc != 0)
      return rc;
    item->changed = false;
  }
  if (names->others_changed)
    rc = each(arg, "others", kind, names->others);
  names->others_changed = names->others_changed && rc != 0;
  return rc;
}

static int take_values(struct summary_values *v, const char *kind,
                       summary_row_fn *each, void *arg) {
  char name[24];
  int rc;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
    if (!v->changed[i])
      continue;
    snprintf(name, sizeof name, "%" PRIu64, histogram_bucket_from(i));
    rc = each(arg, kind, name, v->values.bucket[i]);
    if (rc != 0)
      return rc;
    v->changed[i] = false;
  }
  rc = v->max_changed ? each(arg, "max", kind, v->values.max) : 0;
  v->max_changed = v->max_changed && rc != 0;
  v->any_changed = rc != 0;
  return rc;
}

int summary_take(struct summary *s, summary_row_fn *each, void *arg) {
  int rc = 0;
  for (int by = 0; by < SUMMARY_BYS && rc == 0; by++)
    rc = take_names(&s->by[by], by_kind[by], each, arg);
  for (int of = 0; of < SUMMARY_OFS && rc == 0; of++)
    if (s->of[of].any_changed)
      rc = take_values(&s->of[of], of_kind[of], each, arg);
  return rc;
}

static int load_name(struct summary_names *names, const char *name,
                     uint64_t value) {
  if (names->count == SUMMARY_NAMES) { /* of a build that kept more */
    names->others += value;
    return 0;
  }
  struct summary_count *item = append(names, hash_of(name), name);
  if (item == NULL)
    return ERR_NOMEM;
  item->count = item->rank = value;
  return 0;
}

static void load_value(struct summary_values *v, const char *name,
                       uint64_t value) {
  char *end;
  errno = 0;
  uint64_t from = strtoull(name, &end, 10);
  if (errno == 0 && *end == '\0' && end != name)
    histogram_restore(&v->values, from, value);
}

int summary_load(struct summary *s, const char *kind, const char *name,
                 uint64_t value) {
  bool is_others = strcmp(kind, "others") == 0;
  bool is_max = strcmp(kind, "max") == 0;
  for (int by = 0; by < SUMMARY_BYS; by++) {
    if (is_others && strcmp(name, by_kind[by]) == 0)
      s->by[by].others += value;
    else if (strcmp(kind, by_kind[by]) == 0)
      return load_name(&s->by[by], name, value);
  }
  for (int of = 0; of < SUMMARY_OFS; of++) {
    if (is_max && strcmp(name, of_kind[of]) == 0)
      s->of[of].values.max = value;
    else if (strcmp(kind, of_kind[of]) == 0)
      load_value(&s->of[of], name, value);
  }
  return 0;
}

/* ---- reading --------------------------------------------------------------
 */

static int busier_first(const void *a, const void *b) {
  const struct summary_share *one = a, *two = b;
  if (one->count != two->count)
    return one->count < two->count ? 1 : -1;
  return strcmp(one->name, two->name);
}

size_t summary_busiest(const struct summary *s, enum summary_by by,
                       struct summary_share shares[SUMMARY_SHOWN],
                       uint64_t *others) {
  struct summary_share all[SUMMARY_NAMES];
  const struct summary_names *names = &s->by[by];
  for (size_t i = 0; i < names->count; i++)
    all[i] = (struct summary_share){names->item[i].name, names->item[i].count};
  qsort(all, names->count, sizeof *all, busier_first);
  size_t shown = names->count < SUMMARY_SHOWN ? names->count : SUMMARY_SHOWN;
  memcpy(shares, all, shown * sizeof *all);
  *others = names->others;
  for (size_t i = shown; i < names->count; i++)
    *others += all[i].count;
  return shown;
}

/* Keeps the list in order; what falls off its end is one of the others. */
static size_t insert(struct summary_share *shares, size_t count, size_t cap,
                     const struct summary_share *share, uint64_t *others) {
  size_t at = count;
  while (at > 0 && busier_first(&shares[at - 1], share) > 0)
    at--;
  if (count == cap)
    *others += at < cap ? shares[cap - 1].count : share->count;
  else
    count++;
  if (at < cap) {
    memmove(shares + at + 1, shares + at, (count - 1 - at) * sizeof *shares);
    shares[at] = *share;
  }
  return count;
}

size_t summary_top(const struct summary *s, enum summary_by by,
                   struct summary_share *shares, size_t cap, uint64_t *others) {
  const struct summary_names *names = &s->by[by];
  size_t count = 0;
  *others = names->others;
  for (size_t i = 0; i < names->count; i++) {
    struct summary_share share = {names->item[i].name, names->item[i].count};
    count = insert(shares, count, cap, &share, others);
  }
  return count;
}

const struct histogram *summary_values(const struct summary *s,
                                       enum summary_of of) {
  return &s->of[of].values;
}
