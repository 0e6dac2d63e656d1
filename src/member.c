/* SPDX-License-Identifier: MIT
 *
 * See member.h.
 */
#include "config.h"

#include "member.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

void member_put(json_t *object, const char *name, json_t *value) {
  /* Without memory the member is missing, the best that can be said then. */
  int rc = json_object_set_new(object, name, value);
  (void)rc;
}

void member_whole(json_t *object, const char *name, uint64_t value) {
  member_put(object, name,
             json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

void member_known(json_t *object, const char *name, int64_t value) {
  member_put(object, name, value < 0 ? json_null() : json_integer(value));
}

void member_real(json_t *object, const char *name, double value) {
  member_put(object, name,
             isfinite(value) ? json_real(round(value * 1000) / 1000)
                             : json_null());
}

static json_t *replaced(const char *text) {
  size_t cap = strlen(text) * 3 + 1;
  char *safe = malloc(cap);
  if (safe == NULL)
    return json_null();
  text_clip(safe, cap, text, TEXT_WHOLE, -1, 0, NULL);
  json_t *value = json_string(safe);
  free(safe);
  return value;
}

void member_text(json_t *object, const char *name, const char *text) {
  json_t *value = json_string(text != NULL ? text : "");
  if (value == NULL && text != NULL)
    value = replaced(text);
  member_put(object, name, value);
}

void member_flag(json_t *object, const char *name, int value) {
  member_put(object, name, json_boolean(value));
}
