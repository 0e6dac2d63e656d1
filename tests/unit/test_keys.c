/* SPDX-License-Identifier: MIT
 *
 * The table of actions is whole and free of contradictions, and key maps can
 * be changed by name.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keys.h"

/* Counts the keys that the table names. */
static size_t named_keys(void) {
  size_t count = 0;
  for (int i = 0; i < ACTION_COUNT; i++) {
    const char *at = action_info((enum action)i)->keys;
    while (*at != '\0') {
      count++;
      at += strcspn(at, " ");
      at += strspn(at, " ");
    }
  }
  return count;
}

static void test_no_key_twice_in_a_place(void **state) {
  struct keymap map;
  (void)state;
  keymap_init(&map);
  /* A later binding would have displaced an earlier one. */
  assert_int_equal(map.count, named_keys());
  for (size_t i = 0; i < map.count; i++)
    for (size_t j = i + 1; j < map.count; j++) {
      const struct binding *a = &map.binding[i], *b = &map.binding[j];
      unsigned both =
          action_info(a->action)->where & action_info(b->action)->where;
      if (a->key == b->key && both != 0)
        fail_msg("key %d means both %s and %s", a->key,
                 action_info(a->action)->name, action_info(b->action)->name);
    }
}

static void test_every_command_has_name_and_help(void **state) {
  (void)state;
  for (int i = 0; i < ACTION_COUNT; i++) {
    const struct action_info *info = action_info((enum action)i);
    assert_true(strlen(info->name) > 1);
    assert_null(strchr(info->name, ' '));
    assert_true(strlen(info->help) > 8);
    assert_true(strlen(info->help) <= 43);
    assert_true(info->where != 0);
    assert_int_equal(action_find(info->name, strlen(info->name)), i);
  }
}

static void test_no_key_needs_ctrl(void **state) {
  struct keymap map;
  (void)state;
  keymap_init(&map);
  for (int i = 0; i < ACTION_COUNT; i++) {
    bool plain = action_info((enum action)i)->keys[0] == '\0';
    for (size_t j = 0; j < map.count; j++)
      if (map.binding[j].action == (enum action)i)
        plain |= map.binding[j].key >= 32 || map.binding[j].key == 9 ||
                 map.binding[j].key == 13;
    /* These two have only the customary keys, and are commands as well. */
    if (i != ACT_REPAINT && i != ACT_SUSPEND)
      assert_true(plain);
  }
}

static void test_key_names_go_both_ways(void **state) {
  static const char *const names[] = {"j",    "PgDn",  "C-l", "Space", "Tab",
                                      "Esc",  "Enter", ":",   "ä",     "Home",
                                      "Left", "C-u",   "Up",  "漢"};
  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char back[16];
    int key = key_parse(names[i], strlen(names[i]));
    assert_true(key > 0);
    keymap_key_name(key, back, sizeof back);
    if (names[i][0] == 'C' && names[i][1] == '-')
      assert_int_equal(back[1] | 0x20, names[i][2]);
    else
      assert_string_equal(back, names[i]);
  }
  assert_int_equal(key_parse("nokey", 5), -1);
  assert_int_equal(key_parse("\xff", 1), -1);
  assert_int_equal(key_parse("", 0), -1);
  assert_int_equal(key_parse("C-5", 3), -1);
}

static void test_bind_moves_a_key(void **state) {
  struct keymap map;
  struct errmsg msg;
  (void)state;
  keymap_init(&map);
  assert_int_equal(keymap_find(&map, ON_TASKS, 'p'), ACT_TOGGLE);
  assert_int_equal(keymap_bind(&map, "drop", "p C-k", &msg), 0);
  assert_int_equal(keymap_find(&map, ON_TASKS, 'p'), ACT_DROP);
  assert_int_equal(keymap_find(&map, ON_TASKS, 'k' & 0x1f), ACT_DROP);
  assert_int_equal(keymap_find(&map, ON_TASKS, 'd'), -1);
  assert_int_equal(keymap_bind(&map, "nonsense", "x", &msg), ERR_NOTFOUND);
  assert_non_null(strstr(msg.text, "nonsense"));
  assert_int_equal(keymap_bind(&map, "drop", "Blah", &msg), ERR_SYNTAX);
  assert_non_null(strstr(msg.text, "Blah"));
}

static void test_a_key_is_only_known_in_its_place(void **state) {
  struct keymap map;
  (void)state;
  keymap_init(&map);
  assert_int_equal(keymap_find(&map, ON_TASKS, 'd'), ACT_DROP);
  assert_int_equal(keymap_find(&map, ON_LOG, 'd'), -1);
}

static void test_beginnings_of_names(void **state) {
  (void)state;
  assert_int_equal(action_find("qu", 2), ACT_QUIT);
  assert_int_equal(action_find("rate-", 5), -1);
  assert_int_equal(action_find("retry", 5), ACT_RETRY);
  assert_int_equal(action_find("", 0), -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_key_twice_in_a_place),
      cmocka_unit_test(test_every_command_has_name_and_help),
      cmocka_unit_test(test_no_key_needs_ctrl),
      cmocka_unit_test(test_key_names_go_both_ways),
      cmocka_unit_test(test_bind_moves_a_key),
      cmocka_unit_test(test_a_key_is_only_known_in_its_place),
      cmocka_unit_test(test_beginnings_of_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
