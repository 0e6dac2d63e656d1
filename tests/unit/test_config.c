/* SPDX-License-Identifier: MIT
 *
 * INI files into options and settings: files of a temporary directory, one for
 * each case, and the messages a person gets.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ini.h"
#include "run_config.h"
#include "settings.h"

struct fixture {
  struct options options;
  struct settings settings;
  struct settings_source source;
  struct errmsg msg;
  char dir[64];
  char path[3][128];
};

static int setup(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  options_init(&f->options);
  settings_init(&f->settings);
  snprintf(f->dir, sizeof f->dir, "/tmp/spate-test-XXXXXX");
  *state = f;
  return mkdtemp(f->dir) == NULL;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 3; i++)
    if (f->path[i][0] != '\0')
      unlink(f->path[i]);
  rmdir(f->dir);
  settings_fini(&f->settings);
  options_fini(&f->options);
  free(f);
  return 0;
}

static const char *file(struct fixture *f, int n, const char *text) {
  snprintf(f->path[n], sizeof f->path[n], "%s/%d.ini", f->dir, n);
  FILE *out = fopen(f->path[n], "w");
  assert_non_null(out);
  fputs(text, out);
  fclose(out);
  return f->path[n];
}

static int load(struct fixture *f) {
  return settings_load(&f->settings, &f->options, &f->source, &f->msg);
}

static int load_given(struct fixture *f, const char *text) {
  f->source.given_path = file(f, 0, text);
  return load(f);
}

#define assert_message(f, part)                             \
  do {                                                      \
    if (strstr((f)->msg.text, part) == NULL)                \
      fail_msg("'%s' is not in '%s'", part, (f)->msg.text); \
  } while (0)

#define LIMIT_OF(f, id) options_limit(&(f)->options, id)

/* ---- what is right ---------------------------------------------------------
 */

static void test_example_of_the_manual(void **state) {
  struct fixture *f = *state;
  f->source.profile = "gentle";
  assert_int_equal(
      load_given(f, "[default]\nconcurrency = 64\nrate        = 200/s\n\n"
                    "[host api.example.org] ; limits of one host\n"
                    "per-host      = 8\nper-host-rate = 50/s\n"
                    "header        = X-Api-Client: nightly\n\n"
                    "[profile gentle]\nconcurrency = 2\nlimit-rate  = 500k\n"
                    "\n[ui]\ntheme  = default\nascii  = auto\n"),
      0);
  assert_true(LIMIT_OF(f, LIMIT_CONCURRENCY) == 2);
  assert_true(LIMIT_OF(f, LIMIT_RATE) == 200);
  assert_true(LIMIT_OF(f, LIMIT_BANDWIDTH) == 500 * 1024);
  assert_int_equal(f->settings.host_count, 1);
  assert_string_equal(f->settings.hosts[0].name, "api.example.org");
  assert_true(f->settings.hosts[0].per_host == 8);
  assert_true(f->settings.hosts[0].per_host_rate == 50);
  assert_string_equal(f->settings.hosts[0].header, "X-Api-Client: nightly");
  assert_string_equal(f->settings.ui.theme, "default");
  assert_int_equal(f->settings.ui.ascii, -1);
}

static void test_bucket_has_host_path_and_limits(void **state) {
  struct fixture *f = *state;
  assert_int_equal(load_given(f, "[bucket v1]\npath = /V1/\nhost = API.Example"
                                 ".org\nper-host-rate = 5/m\nadaptive = on\n"
                                 "limit-rate = 1k\n"),
                   0);
  const struct settings_host *bucket = &f->settings.hosts[0];
  assert_int_equal(f->settings.host_count, 1);
  assert_true(bucket->is_bucket);
  assert_string_equal(bucket->host, "api.example.org");
  assert_string_equal(bucket->path, "/V1/");
  assert_true(bucket->per_host_rate == 5.0 / 60);
  assert_true(bucket->byte_rate == 1024);
  assert_true(bucket->per_host < 0);
  assert_int_equal(bucket->adaptive, 1);
}

/* The engine takes the first rule that fits. */
static void test_rules_are_ordered_from_close_to_wide(void **state) {
  static const char *const order[] = {"longest", "long", "short", "none", "a"};
  struct fixture *f = *state;
  struct run_config config;
  assert_int_equal(load_given(f, "[host a]\nper-host = 1\n"
                                 "[bucket short]\nhost = a\npath = /1\n"
                                 "[bucket none]\nhost = a\n"
                                 "[bucket longest]\nhost = a\npath = /123/4\n"
                                 "[bucket long]\nhost = a\npath = /123\n"),
                   0);
  assert_int_equal(run_config_init(&config, &f->options, &f->settings), 0);
  assert_int_equal(config.engine.rule_count, 5);
  for (size_t i = 0; i < 5; i++)
    assert_string_equal(config.engine.rules[i].name, order[i]);
  assert_true(config.engine.rules[4].per_host == 1);
  assert_int_equal(config.engine.rules[4].adaptive, -1);
  run_config_fini(&config);
}

static void test_byte_order_mark_is_passed_over(void **state) {
  struct fixture *f = *state;
  assert_int_equal(load_given(f, "\xef\xbb\xbf[default]\r\ntries = 3\r\n"), 0);
  assert_int_equal(options_number(&f->options, OPT_TRIES), 3);
  assert_int_equal(load_given(f, "\xef\xbb\xbftries = 3\n"), ERR_SYNTAX);
  assert_message(f, "0.ini:1: this key stands before any section");
}

#ifdef HAVE_LIBIDN2
static void test_hosts_beyond_ascii_have_their_ascii_form(void **state) {
  struct fixture *f = *state;
  assert_int_equal(
      load_given(f, "[host M\xc3\xbcnchen.example]\nper-host = 3\n"
                    "[host xn--mnchen-3ya.example]\nper-host-rate = 2\n"
                    "[bucket b]\nhost = M\xc3\x9cnchen.example\n"),
      0);
  assert_int_equal(f->settings.host_count, 2);
  assert_string_equal(f->settings.hosts[0].host, "xn--mnchen-3ya.example");
  assert_true(f->settings.hosts[0].per_host == 3);
  assert_true(f->settings.hosts[0].per_host_rate == 2);
  assert_string_equal(f->settings.hosts[1].host, "xn--mnchen-3ya.example");
}
#endif

static void test_throttle_and_deadline_reach_the_engine(void **state) {
  struct fixture *f = *state;
  struct run_config config;
  assert_int_equal(load_given(f, "[default]\nthrottle-status = 403,509\n"
                                 "throttle-words = slow down , try later\n"
                                 "deadline = 2030-01-01T00:00Z\n"
                                 "adaptive = yes\n"),
                   0);
  assert_int_equal(run_config_init(&config, &f->options, &f->settings), 0);
  assert_int_equal(config.engine.throttle_status_count, 2);
  assert_int_equal(config.engine.throttle_status[1], 509);
  assert_int_equal(config.engine.throttle_words.count, 2);
  assert_string_equal(config.engine.throttle_words.items[0], "slow down");
  assert_string_equal(config.engine.throttle_words.items[1], "try later");
  assert_int_equal(config.engine.deadline_mode, 2);
  assert_true(config.engine.deadline_unix == 1893456000);
  assert_true(config.engine.limit[LIMIT_ADAPTIVE] == 1);
  run_config_fini(&config);
}

static void test_later_file_wins(void **state) {
  struct fixture *f = *state;
  f->source.system_path = file(f, 0, "[default]\ntries=2\nrate=1\n");
  f->source.user_path = file(f, 1, "[default]\ntries=3\nper-host=4\n");
  f->source.given_path = file(f, 2, "[default]\nper-host=5\n");
  assert_int_equal(load(f), 0);
  assert_true(LIMIT_OF(f, LIMIT_TRIES) == 3);
  assert_true(LIMIT_OF(f, LIMIT_RATE) == 1);
  assert_true(LIMIT_OF(f, LIMIT_PER_HOST) == 5);
}

static void test_command_line_wins_over_all(void **state) {
  struct fixture *f = *state;
  assert_int_equal(
      options_set(&f->options, OPT_TRIES, "9", LAYER_COMMAND_LINE, &f->msg), 0);
  assert_int_equal(load_given(f, "[default]\ntries=2\n"), 0);
  assert_true(LIMIT_OF(f, LIMIT_TRIES) == 9);
}

static void test_profile_wins_over_default_of_a_later_file(void **state) {
  struct fixture *f = *state;
  f->source.profile = "Slow"; /* sections know no case */
  f->source.user_path = file(f, 0, "[profile slow]\nconcurrency=1\n");
  f->source.given_path = file(f, 1, "[default]\nconcurrency=50\n");
  assert_int_equal(load(f), 0);
  assert_true(LIMIT_OF(f, LIMIT_CONCURRENCY) == 1);
}

static void test_resume_leaves_the_sessions_options_alone(void **state) {
  struct fixture *f = *state;
  f->source.for_resume = true;
  f->source.user_path = file(f, 0, "[default]\nconcurrency=50\nverbose=yes\n");
  assert_int_equal(load(f), 0);
  assert_false(options_given(&f->options, OPT_CONCURRENCY));
  assert_true(options_flag(&f->options, OPT_VERBOSE));
}

static void test_quoted_value_keeps_semicolon(void **state) {
  struct fixture *f = *state;
  assert_int_equal(load_given(f, "[default]\ncookie = \"a=1; b=2\"\n"), 0);
  assert_string_equal(options_text(&f->options, OPT_COOKIE), "a=1; b=2");
}

static void test_quotes_and_a_comment_behind_them(void **state) {
  struct fixture *f = *state;
  assert_int_equal(load_given(f, "[default]\ncookie = ' a=\"b\"' ; c\n"
                                 "user-agent = it's \"x\"\n"
                                 "[keys]\nhelp = \"\n"),
                   0);
  assert_string_equal(options_text(&f->options, OPT_COOKIE), " a=\"b\"");
  assert_string_equal(options_text(&f->options, OPT_USER_AGENT), "it's \"x\"");
}

static void test_missing_files_are_no_mistake_unless_named(void **state) {
  struct fixture *f = *state;
  f->source.system_path = "/nonexistent/spate.ini";
  f->source.user_path = "/nonexistent/too.ini";
  assert_int_equal(load(f), 0);
  assert_string_equal(f->msg.text, "");
  f->source.given_path = "/nonexistent/given.ini";
  assert_int_equal(load(f), ERR_NOTFOUND);
  assert_message(f, "/nonexistent/given.ini");
}

/* ---- what is wrong ---------------------------------------------------------
 */

static void test_mistakes_name_file_line_and_remedy(void **state) {
  static const struct {
    const char *text, *said, *also;
  } wrong[] = {
      {"[default]\n\nconcurrency = many\n", "0.ini:3: [default] concurrency",
       "many"},
      {"[default]\nconcurrency = 100000\n", "0.ini:2:", "10000"},
      {"[default]\nconcurency = 4\n", "0.ini:2:", "'concurrency'"},
      {"[default]\ninput-file = x\n", "0.ini:2:", "command line only"},
      {"[defualt]\nrate = 4\n", "0.ini:2: [defualt] unknown section",
       "[default]"},
      {"rate = 4\n", "0.ini:1:", "[default]"},
      {"[host a:80]\nper-host = 4\n", "0.ini:1:", "colon"},
      {"[host a b]\nper-host = 4\n", "0.ini:2:", "[host api.example.org]"},
      {"[host m\xfcnchen.de]\nper-host = 4\n", "0.ini:2:", "its host name"},
      {"[host a]\nconcurrency = 4\n", "0.ini:2: [host a]", "per-host-rate"},
      {"[host a]\nper-host = x\n", "0.ini:2: [host a] per-host", "x"},
      {"[host a]\nheader = x\n", "0.ini:2: [host a] header", "Name: value"},
      {"[host a]\npath = /x\n", "0.ini:2: [host a]", "limit-rate"},
      {"[host a]\nadaptive = x\n", "0.ini:2: [host a] adaptive", "on or off"},
      {"[default]\nadaptive = x\n", "0.ini:2: [default] adaptive", "on or off"},
      {"[bucket b]\nper-host = 4\n", "0.ini:2: [bucket b]", "needs a host"},
      {"[bucket b]\nhost = a:80\n", "0.ini:2: [bucket b]", "api.example.org"},
      {"[bucket b]\nhost = a\npath = v1\n", "0.ini:3: [bucket b]", "/v1/"},
      {"[bucket b]\nhost = a\ntries = 4\n", "0.ini:3: [bucket b]",
       "host, path"},
      {"[ui]\ntheme = pink\n", "0.ini:2: [ui] theme: 'pink'", "default"},
      {"[ui]\nascii = maybe\n", "0.ini:2: [ui] ascii: 'maybe'", "auto"},
      {"[ui]\ncolour = 1\n", "0.ini:2: [ui] unknown key", "theme, glyphs"},
      {"[ui]\nglyphs = 1\n", "0.ini:2: [ui] glyphs: '1'", "braille"},
      {"[ui]\nmouse = often\n", "0.ini:2: [ui] mouse: 'often'", "yes, no"},
      {"[keys]\ndance = x\n", "0.ini:2: [keys] unknown key 'dance'", "?"},
      {"[keys]\ndro = x\n", "0.ini:2: [keys] unknown key 'dro'", "?"},
      {"[keys]\ndrop = F13\n", "0.ini:2: [keys]", "'F13' is no key"},
      {"[default]\nrate = 1\n\nrate = 2\n", "0.ini:4:", "line 2"},
      {"[default]\nRate = 1\n[default]\nrate = 2\n", "0.ini:4:", "line 2"},
      {"[default]\ncookie = a=1;b=2\n", "0.ini:2:", "quotes"},
      {"[default]\ncookie = \"a=1\n", "0.ini:2:", "closing quote"},
      {"[default]\ncookie = 'a=1\" ; b\n", "0.ini:2:", "closing quote"},
      {"[default]\ncookie = \"a\"=1\n", "0.ini:2:", "only a comment"},
      {"[default]\nwhat is this\n", "0.ini:2:", "key = value"},
      {"[default\nrate = 1\n", "0.ini:1:", "']'"},
      {"[default] x\nrate = 1\n", "0.ini:1:", "comment"},
      {"[default]\nrate = \\\n 1\n", "0.ini:2:", "next line"},
      {"[profile x]\nrate = fast\n", "0.ini:2: [profile x] rate", "fast"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct fixture *f = *state;
    settings_fini(&f->settings);
    f->msg.text[0] = '\0';
    if (load_given(f, wrong[i].text) == 0)
      fail_msg("taken: %s", wrong[i].text);
    assert_message(f, wrong[i].said);
    assert_message(f, wrong[i].also);
  }
}

static void test_unknown_profile_names_the_known(void **state) {
  struct fixture *f = *state;
  f->source.profile = "fast";
  assert_true(load_given(f, "[profile gentle]\nrate=1\ntries=2\n"
                            "[profile night]\nrate=2\n") < 0);
  assert_message(f, "[profile fast]");
  assert_message(f, "known: gentle, night");
}

static void test_huge_file_is_refused(void **state) {
  struct fixture *f = *state;
  file(f, 0, "[default]\nrate=1\n");
  assert_int_equal(truncate(f->path[0], (off_t)INI_MAX_BYTES + 1), 0);
  f->source.given_path = f->path[0];
  assert_int_equal(load(f), ERR_TOOBIG);
}

static void test_binary_file_is_refused(void **state) {
  struct fixture *f = *state;
  file(f, 0, "[default]\nrate=1\n");
  assert_int_equal(truncate(f->path[0], 100), 0);
  f->source.given_path = f->path[0];
  assert_int_equal(load(f), ERR_SYNTAX);
  assert_message(f, "NUL");
}

static void test_directory_is_refused(void **state) {
  struct fixture *f = *state;
  f->source.given_path = f->dir;
  assert_int_equal(load(f), ERR_USAGE);
  assert_message(f, "regular file");
}

/* iniparser reads lines of 1024 bytes. */
static void test_too_long_a_line_is_an_error(void **state) {
  struct fixture *f = *state;
  char text[4096] = "[default]\nuser-agent = ";
  size_t len = strlen(text);
  memset(text + len, 'a', 3000);
  snprintf(text + len + 3000, sizeof text - len - 3000, "\nrate = 1\n");
  assert_true(load_given(f, text) < 0);
  assert_message(f, "0.ini:2: longer");
}

static void test_user_path(void **state) {
  char path[256];
  (void)state;
  setenv("HOME", "/home/me", 1);
  setenv("XDG_CONFIG_HOME", "/cfg", 1);
  assert_int_equal(settings_user_path(path, sizeof path), 0);
  assert_string_equal(path, "/cfg/spate/spate.ini");
  setenv("XDG_CONFIG_HOME", "relative", 1);
  assert_int_equal(settings_user_path(path, sizeof path), 0);
  assert_string_equal(path, "/home/me/.config/spate/spate.ini");
  unsetenv("HOME");
  assert_int_equal(settings_user_path(path, sizeof path), ERR_NOTFOUND);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(test_example_of_the_manual),
      CASE(test_bucket_has_host_path_and_limits),
      CASE(test_rules_are_ordered_from_close_to_wide),
      CASE(test_byte_order_mark_is_passed_over),
#ifdef HAVE_LIBIDN2
      CASE(test_hosts_beyond_ascii_have_their_ascii_form),
#endif
      CASE(test_throttle_and_deadline_reach_the_engine),
      CASE(test_later_file_wins),
      CASE(test_command_line_wins_over_all),
      CASE(test_profile_wins_over_default_of_a_later_file),
      CASE(test_resume_leaves_the_sessions_options_alone),
      CASE(test_quoted_value_keeps_semicolon),
      CASE(test_quotes_and_a_comment_behind_them),
      CASE(test_missing_files_are_no_mistake_unless_named),
      CASE(test_mistakes_name_file_line_and_remedy),
      CASE(test_unknown_profile_names_the_known),
      CASE(test_huge_file_is_refused),
      CASE(test_binary_file_is_refused),
      CASE(test_directory_is_refused),
      CASE(test_too_long_a_line_is_an_error),
      CASE(test_user_path),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
