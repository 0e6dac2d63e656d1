/* SPDX-License-Identifier: MIT
 *
 * A binding holds for every place in which its action is offered, so a key
 * may mean different things in different places but never two in one.
 */
#include "config.h"

#include "keys.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

static const struct action_info actions[ACTION_COUNT] = {
#define ACTION_ROW(sym, where, keys, name, arg, help) \
  [sym] = {where, keys, name, arg, help},
    ACTION_TABLE(ACTION_ROW)
#undef ACTION_ROW
};

static const struct {
  const char *name;
  int key;
} key_names[] = {
    {"Space", ' '},          {"Tab", KEY__TAB},
    {"Enter", KEY__ENTER},   {"Esc", KEY__ESC},
    {"Up", KEY__UP},         {"Down", KEY__DOWN},
    {"Left", KEY__LEFT},     {"Right", KEY__RIGHT},
    {"Home", KEY__HOME},     {"End", KEY__END},
    {"PgUp", KEY__PGUP},     {"PgDn", KEY__PGDN},
    {"Delete", KEY__DELETE}, {"Backspace", KEY__BACKSPACE},
};

#define KEY_NAMES (sizeof key_names / sizeof key_names[0])

const struct action_info *action_info(enum action action) {
  return &actions[action];
}

int action_find(const char *name, size_t len) {
  int found = -1, matches = 0;
  for (int i = 0; i < ACTION_COUNT && len > 0; i++) {
    if (strncmp(actions[i].name, name, len) != 0)
      continue;
    if (actions[i].name[len] == '\0')
      return i;
    found = i;
    matches++;
  }
  return matches == 1 ? found : -1;
}

int key_parse(const char *name, size_t len) {
  if (len == 3 && name[0] == 'C' && name[1] == '-') {
    bool control = (name[2] >= '@' && name[2] <= '_') ||
                   (name[2] >= 'a' && name[2] <= 'z');
    return control ? name[2] & 0x1f : -1; /* no terminal sends C-5 */
  }
  for (size_t i = 0; i < KEY_NAMES; i++)
    if (strlen(key_names[i].name) == len &&
        memcmp(key_names[i].name, name, len) == 0)
      return key_names[i].key;
  utf8proc_int32_t code = -1;
  utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)name,
                                           (utf8proc_ssize_t)len, &code);
  return used > 0 && (size_t)used == len && code > 32 ? code : -1;
}

char *keymap_key_name(int key, char *buf, size_t cap) {
  for (size_t i = 0; i < KEY_NAMES; i++)
    if (key_names[i].key == key) {
      snprintf(buf, cap, "%s", key_names[i].name);
      return buf;
    }
  if (key >= 0 && key < 32) {
    snprintf(buf, cap, "^%c", key + 64);
    return buf;
  }
  utf8proc_uint8_t bytes[5] = {0};
  utf8proc_encode_char(key, bytes);
  snprintf(buf, cap, "%s", (const char *)bytes);
  return buf;
}

static void drop_binding(struct keymap *map, size_t at) {
  map->count--;
  memmove(&map->binding[at], &map->binding[at + 1],
          (map->count - at) * sizeof map->binding[0]);
}

static void forget_key(struct keymap *map, unsigned where, int key) {
  for (size_t i = map->count; i > 0; i--)
    if (map->binding[i - 1].key == key &&
        (actions[map->binding[i - 1].action].where & where) != 0)
      drop_binding(map, i - 1);
}

/* Takes the next name off a list; 0 at its end. */
static size_t next_name(const char **list) {
  *list += strspn(*list, " ");
  return strcspn(*list, " ");
}

static int bind_all(struct keymap *map, enum action action, const char *keys,
                    struct errmsg *msg) {
  for (size_t len = next_name(&keys); len > 0; len = next_name(&keys)) {
    int key = key_parse(keys, len);
    if (key < 0)
      return err_set(msg, ERR_SYNTAX,
                     "keys: %s: '%.*s' is no key; write a character, C-x, "
                     "Space, Enter, PgUp ...",
                     actions[action].name, (int)len, keys);
    forget_key(map, actions[action].where, key);
    if (map->count == KEYMAP_MAX)
      return err_set(msg, ERR_TOOBIG, "keys: more than %d bindings",
                     KEYMAP_MAX);
    map->binding[map->count++] = (struct binding){key, action};
    keys += len;
  }
  return 0;
}

void keymap_init(struct keymap *map) {
  map->count = 0;
  for (int i = 0; i < ACTION_COUNT; i++)
    (void)!bind_all(map, (enum action)i, actions[i].keys, NULL);
}

int keymap_bind(struct keymap *map, const char *action, const char *keys,
                struct errmsg *msg) {
  int found = action_find(action, strlen(action));
  if (found < 0)
    return err_set(msg, ERR_NOTFOUND,
                   "keys: there is no command '%s'; see `:help`", action);
  for (size_t i = map->count; i > 0; i--)
    if (map->binding[i - 1].action == (enum action)found)
      drop_binding(map, i - 1);
  return bind_all(map, (enum action)found, keys, msg);
}

int keymap_find(const struct keymap *map, unsigned where, int key) {
  for (size_t i = 0; i < map->count; i++)
    if (map->binding[i].key == key &&
        (actions[map->binding[i].action].where & where) != 0)
      return (int)map->binding[i].action;
  return -1;
}

char *keymap_names(const struct keymap *map, enum action action, char *buf,
                   size_t cap) {
  size_t len = 0;
  buf[0] = '\0';
  for (size_t i = 0; i < map->count; i++) {
    char name[16];
    if (map->binding[i].action != action)
      continue;
    keymap_key_name(map->binding[i].key, name, sizeof name);
    int more = snprintf(buf + len, cap - len, "%s%s", len > 0 ? " " : "", name);
    if (more < 0 || (size_t)more >= cap - len)
      break;
    len += (size_t)more;
  }
  return buf;
}
