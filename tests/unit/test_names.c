/* SPDX-License-Identifier: MIT
 *
 * names: whatever a URL or a manifest says, the name stays inside the output
 * directory; whatever links lie there, opening does too, with openat2 and
 * without.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utf8proc.h>

#include "names.h"
#include "retry.h"

static void check_url(const char *url, enum layout layout, const char *want) {
  char out[NAME_CAP] = "";
  int code = name_from_url(url, layout, out, sizeof out);
  if (code != 0)
    print_error("%s: code %d\n", url, code);
  assert_int_equal(code, 0);
  assert_string_equal(out, want);
}

static void flat_names(void **state) {
  static const char *const row[][2] = {
      {"http://h/a/b.iso", "b.iso"},
      {"http://h/a/b.iso?x=/y#z/w", "b.iso"},
      {"http://h/", "index.html"},
      {"http://h", "index.html"},
      {"http://h?x=/a", "index.html"},
      {"http://h/a/", "index.html"},
      {"http://h/a%20b.txt", "a b.txt"},
      {"http://h/%C3%BCber", "\xc3\xbc"
                             "ber"},
      {"http://h/..%2f..%2fetc%2fpasswd", ".._.._etc_passwd"},
      {"http://h/a%00b", "a_b"},
      {"http://h/a/../../b", "b"},
      {"http://h/..", "__"},
      {"http://h/%2e%2e", "__"},
      {"http://h/.", "_"},
      {"http://h/...", "___"},
      {"http://h/%c0%ae%c0%ae", "____"},
      {"http://h/%c0%af", "__"},
      {"http://h/%ff%fe", "__"},
      {"http://h/CON", "_CON"},
      {"http://h/con.txt", "_con.txt"},
      {"http://h/LPT1.tar.gz", "_LPT1.tar.gz"},
      {"http://h/COM%C2%B9", "_COM\xc2\xb9"},
      {"http://h/nul%20.x", "_nul .x"},
      {"http://h/console", "console"},
      {"http://h/com10", "com10"},
      {"http://h/.spate", "_spate"},
      {"http://h/.SPATE", "_SPATE"},
      {"http://h/.sp%E2%80%8Date", "_sp\xe2\x80\x8d"
                                   "ate"},
      {"http://h/%CC%81.spate", "\xcc\x81_spate"},
      {"http://h/.spate2", ".spate2"},
      {"http://h/~root", "_root"},
      {"http://h/a.", "a_"},
      {"http://h/a%20%2e", "a__"},
      {"http://h/a%5cb", "a_b"},
      {"http://h/a\\b", "a_b"},
      {"http://h/%1b%5b31m", "_[31m"},
      {"http://h/%c2%9b31m", "_31m"},
      {"http://h/%7f", "_"},
      {"http://h/gpj.%E2%80%AEexe", "gpj._exe"},
      {"http://h/a%EF%BB%BFb", "a_b"},
      {"http://h/100%", "100%"},
      {"http://h/%zz%4", "%zz%4"},
      {"http://h/%252e%252e", "%2e%2e"},
      {"http://h/a+b", "a+b"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    check_url(row[i][0], LAYOUT_FLAT, row[i][1]);
}

static void path_names(void **state) {
  static const char *const row[][2] = {
      {"http://Example.COM/a/b.iso", "example.com/a/b.iso"},
      {"http://h:8080/x", "h_8080/x"},
      {"http://u:p@h/x", "h/x"},
      {"http://h", "h/index.html"},
      {"http://h/a//b/", "h/a/b/index.html"},
      {"http://h/../../x", "h/__/__/x"},
      {"http://h/%2e%2e/x", "h/__/x"},
      {"http://h/a%2fb/x", "h/a_b/x"},
      {"http://h/.spate/session.db", "h/_spate/session.db"},
      {"http://h/~u/x", "h/_u/x"},
      {"http://[::1]:80/x", "[__1]_80/x"},
      {"http://../x", "__/x"},
      {"http://.spate/x", "_spate/x"},
  };
  char out[NAME_CAP];
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    check_url(row[i][0], LAYOUT_PATH, row[i][1]);
  assert_int_equal(name_from_url("http:///x", LAYOUT_PATH, out, sizeof out),
                   ERR_SYNTAX);
  assert_int_equal(name_from_url("nothing", LAYOUT_FLAT, out, sizeof out),
                   ERR_SYNTAX);
}

static void hash_names(void **state) {
  char out[NAME_CAP];
  (void)state;
  /* printf %s b.iso | sha256sum */
  check_url("http://h/a/b.iso?sig=1", LAYOUT_HASH, "bc/36/b.iso");
  assert_int_equal(name_from_person("d/e.txt", LAYOUT_HASH, out, sizeof out),
                   0);
  assert_string_equal(out, "44/05/d/e.txt");
}

static void names_people_give(void **state) {
  static const struct {
    const char *given, *want; /* NULL: refused */
    int code;
  } row[] = {
      {"a.iso", "a.iso", 0},
      {"d/e/a.iso", "d/e/a.iso", 0},
      {"./d//a.iso", "d/a.iso", 0},
      {"d/CON", "d/_CON", 0},
      {"a\tb", "a_b", 0},
      {"a.", "a_", 0},
      {"~x", "_x", 0},
      {"a%2fb", "a%2fb", 0},
      {"a/..b", "a/..b", 0},
      {"..", NULL, ERR_UNSAFE},
      {"../a", NULL, ERR_UNSAFE},
      {"a/../b", NULL, ERR_UNSAFE},
      {"a/..", NULL, ERR_UNSAFE},
      {"/etc/passwd", NULL, ERR_UNSAFE},
      {"~/x", NULL, ERR_UNSAFE},
      {".spate/session.db", NULL, ERR_UNSAFE},
      {"a/.Spate", NULL, ERR_UNSAFE},
      {"", NULL, ERR_SYNTAX},
      {".", NULL, ERR_SYNTAX},
      {"a/", NULL, ERR_SYNTAX},
  };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char out[NAME_CAP] = "";
    int code = name_from_person(row[i].given, LAYOUT_FLAT, out, sizeof out);
    if (code != row[i].code)
      print_error("\"%s\": code %d\n", row[i].given, code);
    assert_int_equal(code, row[i].code);
    if (row[i].want)
      assert_string_equal(out, row[i].want);
  }
}

/* What the header promises of every name. */
static void assert_clean(const char *name) {
  char copy[NAME_CAP];
  assert_true(strlen(name) < NAME_CAP);
  snprintf(copy, sizeof copy, "%s", name);
  assert_int_not_equal(copy[0], '/');
  int32_t c;
  for (size_t i = 0; name[i];) {
    utf8proc_ssize_t size =
        utf8proc_iterate((const unsigned char *)name + i, -1, &c);
    assert_true(size > 0);
    assert_true(c >= 0x20 && c != 0x7f && (c < 0x80 || c > 0x9f) && c != '\\');
    assert_true(c < 0x202a || c > 0x202e);
    i += (size_t)size;
  }
  for (char *part = copy, *next; part; part = next) {
    next = strchr(part, '/');
    if (next)
      *next++ = '\0';
    size_t len = strlen(part);
    assert_true(len > 0 && len + 5 <= 255);
    assert_true(part[len - 1] != '.' && part[len - 1] != ' ');
    assert_int_not_equal(part[0], '~');
    assert_int_not_equal(strcasecmp(part, ".spate"), 0);
    assert_int_not_equal(strcasecmp(part, "con"), 0);
    assert_int_not_equal(strncasecmp(part, "nul.", 4), 0);
  }
}

static void any_url_gives_a_clean_name(void **state) {
  static const char *const piece[] = {
      "..",        "%2e%2e", "/",    "%2f",      "%5c",    "\\",
      ".spate",    "CON",    "nul.", "%00",      "%c0%af", "\xff",
      "%E2%80%AE", "~",      " ",    ".",        "aux",    "a",
      "%",         "%4",     ";x",   "\xcc\x81", "%20",    "@",
  };
  struct rng r;
  (void)state;
  rng_seed(&r, 8);
  for (int i = 0; i < 60000; i++) {
    char url[600] = "http://h/", out[NAME_CAP];
    size_t n = strlen(url);
    for (uint64_t k = rng_next(&r) % 12; k > 0; k--)
      n += (size_t)snprintf(url + n, sizeof url - n, "%s",
                            piece[rng_next(&r) % 24]);
    for (int layout = LAYOUT_FLAT; layout <= LAYOUT_HASH; layout++) {
      assert_int_equal(name_from_url(url, (enum layout)layout, out, sizeof out),
                       0);
      assert_clean(out);
    }
    if (name_from_person(url + 9, LAYOUT_FLAT, out, sizeof out) == 0)
      assert_clean(out);
  }
}

static void long_names_stay_apart(void **state) {
  char url[2][4096], out[2][NAME_CAP];
  (void)state;
  for (int i = 0; i < 2; i++) {
    size_t n = (size_t)snprintf(url[i], sizeof url[i], "http://h/");
    for (int k = 0; k < 400; k++)
      n += (size_t)snprintf(url[i] + n, sizeof url[i] - n, "%%C3%%BC");
    snprintf(url[i] + n, sizeof url[i] - n, "%d.tar.gz", i);
    assert_int_equal(name_from_url(url[i], LAYOUT_FLAT, out[i], sizeof out[i]),
                     0);
    assert_clean(out[i]);
    assert_true(strlen(out[i]) > 200);
    assert_string_equal(out[i] + strlen(out[i]) - 3, ".gz");
  }
  assert_string_not_equal(out[0], out[1]);
  /* a whole path that is too long is an error, not an overflow */
  size_t n = (size_t)snprintf(url[0], sizeof url[0], "http://h");
  for (int k = 0; k < 600; k++)
    n += (size_t)snprintf(url[0] + n, sizeof url[0] - n, "/d");
  assert_int_equal(name_from_url(url[0], LAYOUT_PATH, out[0], NAME_CAP),
                   ERR_TOOBIG);
  for (size_t cap = 0; cap < 12; cap++) {
    char small[16];
    memset(small, 'X', sizeof small);
    int code = name_from_url("http://h/abcdefgh", LAYOUT_FLAT, small, cap);
    assert_int_equal(code, cap == 0 ? ERR_SYNTAX : cap < 10 ? ERR_TOOBIG : 0);
    assert_int_equal(small[cap], 'X');
  }
}

static void numbered_names(void **state) {
  static const struct {
    const char *name;
    unsigned n;
    const char *want;
  } row[] = {
      {"file.tar.gz", 1, "file.tar.1.gz"}, {"file", 12, "file.12"},
      {"a.b/file", 3, "a.b/file.3"},       {".bashrc", 1, ".bashrc.1"},
      {"d/x.iso", 2, "d/x.2.iso"},
  };
  char out[NAME_CAP], name[260];
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    assert_int_equal(name_numbered(row[i].name, row[i].n, out, sizeof out), 0);
    assert_string_equal(out, row[i].want);
  }
  memset(name, 'a', sizeof name);
  memcpy(name + 245, ".iso", 5);
  assert_int_equal(name_numbered(name, 123, out, sizeof out), 0);
  assert_clean(out);
  assert_non_null(strstr(out, "a.123.iso"));
  assert_int_equal(name_numbered("file.gz", 1, out, 9), ERR_TOOBIG);
}

/* ---- opening --------------------------------------------------------------
 */

struct tree {
  char path[64];
  int fd;
};

static void remove_all(int dirfd, const char *const *names) {
  for (; *names; names++)
    if (unlinkat(dirfd, *names, 0) < 0)
      unlinkat(dirfd, *names, AT_REMOVEDIR);
}

static int tree_setup(void **state) {
  static struct tree t;
  snprintf(t.path, sizeof t.path, "/tmp/spate-names-XXXXXX");
  if (!mkdtemp(t.path))
    return -1;
  int top = open(t.path, O_RDONLY | O_DIRECTORY);
  int fd, ok = 0;
  ok |= mkdirat(top, "out", 0777) | mkdirat(top, "outside", 0777);
  fd = openat(top, "outside/secret", O_CREAT | O_WRONLY, 0666);
  ok |= fd < 0 ? -1 : close(fd);
  t.fd = openat(top, "out", O_RDONLY | O_DIRECTORY);
  ok |= mkdirat(t.fd, "a", 0777) | mkdirat(t.fd, "a/b", 0777);
  ok |= symlinkat("../outside", t.fd, "link");
  ok |= symlinkat("../../outside", t.fd, "a/link");
  ok |= symlinkat("../../outside/secret", t.fd, "a/leaf");
  ok |= symlinkat("../outside/secret", t.fd, "leaf");
  ok |= symlinkat("../outside/new", t.fd, "dangling");
  ok |= symlinkat("b", t.fd, "a/inner"); /* even one that stays inside */
  close(top);
  *state = &t;
  return ok;
}

static int tree_teardown(void **state) {
  static const char *const names[] = {
      "out/a/b/f",  "out/a/b/x/y/f", "out/a/b/x/y",    "out/a/b/x", "out/a/b",
      "out/a/link", "out/a/leaf",    "out/a/inner",    "out/a/f",   "out/a",
      "out/link",   "out/leaf",      "out/dangling",   "out/f",     "out/n/f",
      "out/n",      "out",           "outside/secret", "outside",   NULL};
  struct tree *t = *state;
  int top = open(t->path, O_RDONLY | O_DIRECTORY);
  close(t->fd);
  remove_all(top, names);
  close(top);
  names__no_openat2(false);
  return rmdir(t->path); /* fails when something unexpected was made */
}

static void assert_refused(int dirfd, const char *name, int flags, bool dirs) {
  const char *leaf;
  int fd = name_open(dirfd, name, flags, 0666, dirs);
  if (fd != ERR_UNSAFE)
    print_error("%s: %d\n", name, fd);
  assert_int_equal(fd, ERR_UNSAFE);
  if (strcmp(name, "leaf") == 0 || strcmp(name, "dangling") == 0 ||
      strcmp(name, "a/leaf") == 0)
    return; /* the parent of a link is a good directory */
  assert_int_equal(name_open_parent(dirfd, name, dirs, &leaf), ERR_UNSAFE);
}

static void check_links(struct tree *t) {
  static const char *const refused[] = {
      "link/secret",
      "link/new",
      "a/link/secret",
      "a/link/x/y",
      "a/leaf",
      "leaf",
      "dangling",
      "a/inner/f",
      "../outside/secret",
      "a/../../outside/secret",
      "/etc/passwd",
      "..",
      "a/..",
      ".",
      "",
      "a//f",
      "a/",
      "./f",
  };
  static const int flags[] = {O_RDONLY, O_WRONLY | O_CREAT,
                              O_WRONLY | O_TRUNC | O_CREAT};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
      for (int dirs = 0; dirs < 2; dirs++)
        assert_refused(t->fd, refused[i], flags[k], dirs);
}

static void check_opening(struct tree *t) {
  const char *leaf = NULL;
  struct stat st, st2;
  int fd = name_open(t->fd, "f", O_WRONLY | O_CREAT | O_EXCL, 0600, false);
  assert_true(fd >= 0);
  assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  assert_int_equal(fstat(fd, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  close(fd);
  assert_int_equal(
      name_open(t->fd, "f", O_WRONLY | O_CREAT | O_EXCL, 0600, true),
      ERR_EXISTS);
  assert_int_equal(
      name_open(t->fd, "a/b/x/y/f", O_WRONLY | O_CREAT, 0600, false), ERR_IO);
  assert_int_equal(errno, ENOENT);
  fd = name_open(t->fd, "a/b/x/y/f", O_RDWR | O_CREAT, 0600, true);
  assert_true(fd >= 0);
  assert_int_equal(fstat(fd, &st), 0);
  close(fd);
  fd = name_open_parent(t->fd, "a/b/x/y/f", false, &leaf);
  assert_true(fd >= 0);
  assert_string_equal(leaf, "f");
  assert_int_equal(fstatat(fd, leaf, &st2, AT_SYMLINK_NOFOLLOW), 0);
  assert_int_equal(st2.st_ino, st.st_ino);
  assert_int_equal(fsync(fd), 0); /* open for more than a path */
  close(fd);
  fd = name_open_parent(t->fd, "n/f", true, &leaf);
  assert_true(fd >= 0);
  close(fd);
  fd = name_open_parent(t->fd, "f", false, &leaf);
  assert_true(fd >= 0);
  assert_string_equal(leaf, "f");
  close(fd);
  assert_int_equal(name_open(t->fd, "f/x", O_RDONLY, 0, true), ERR_UNSAFE);
}

static void with_openat2(void **state) {
  struct tree *t = *state;
  names__no_openat2(false);
  check_links(t);
  check_opening(t);
  assert_int_equal(faccessat(t->fd, "../outside/new", F_OK, 0), -1);
}

static void component_by_component(void **state) {
  struct tree *t = *state;
  names__no_openat2(true);
  check_links(t);
  check_opening(t);
  assert_int_equal(faccessat(t->fd, "../outside/new", F_OK, 0), -1);
}

static void descriptors_are_not_lost(void **state) {
  struct tree *t = *state;
  int before = dup(0);
  close(before);
  for (int i = 0; i < 200; i++) {
    const char *leaf;
    names__no_openat2(i % 2);
    assert_true(name_open(t->fd, "a/link/f", O_RDONLY, 0, true) < 0);
    assert_true(name_open(t->fd, "a/b/none", O_RDONLY, 0, false) < 0);
    assert_true(name_open_parent(t->fd, "a/link/f", true, &leaf) < 0);
    int fd = name_open_parent(t->fd, "a/b/f", false, &leaf);
    assert_true(fd >= 0);
    close(fd);
  }
  int after = dup(0);
  close(after);
  assert_int_equal(before, after);
}

static void check_server(const char *said, const char *name, enum layout layout,
                         const char *want) {
  char out[NAME_CAP] = "";
  int code = name_from_server(said, name, layout, out, sizeof out);
  if (want == NULL) {
    assert_int_equal(code, ERR_NOTFOUND);
    return;
  }
  assert_int_equal(code, 0);
  assert_string_equal(out, want);
}

static void names_servers_give(void **state) {
  static const char *const row[][2] = {
      {"report.pdf", "report.pdf"},
      {"../../etc/passwd", "passwd"},
      {"/etc/passwd", "passwd"},
      {"..\\..\\x.exe", "x.exe"},
      {"C:\\a\\b.txt", "b.txt"},
      {".bashrc", "_bashrc"},
      {"..", "__"},
      {".spate", "_spate"},
      {"a\nb\x1b[2J", "a_b_[2J"},
      {"nul.txt", "_nul.txt"},
      {"~root", "_root"},
      {"x. ", "x__"},
      {"%2e%2e%2fx", "%2e%2e%2fx"},
      {"", NULL},
      {"a/", NULL},
      {"\\", NULL},
  };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    check_server(row[i][0], "url-name", LAYOUT_FLAT, row[i][1]);
  check_server("n", "h_80/a/b", LAYOUT_PATH, "h_80/a/n");
  check_server("n", "sub/dir/b", LAYOUT_FLAT, "sub/dir/n");
  /* printf %s n | sha256sum; printf %s d/n | sha256sum */
  check_server("n", "ab/cd/other", LAYOUT_HASH, "1b/16/n");
  check_server("n", "ab/cd/d/other", LAYOUT_HASH, "92/7f/d/n");
}

static void names_in_documents(void **state) {
  static const char *const row[][2] = {
      {"a/b.iso", "a/b.iso"},
      {"../../etc/passwd", "__/__/etc/passwd"},
      {"/etc/passwd", "etc/passwd"},
      {"./a//b", "a/b"},
      {".spate/session.db", "_spate/session.db"},
      {"~/x", "_/x"},
      {"a\\..\\b", "a_.._b"},
  };
  char out[NAME_CAP];
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    assert_int_equal(name_from_document(row[i][0], out, sizeof out), 0);
    assert_string_equal(out, row[i][1]);
  }
  assert_int_equal(name_from_document("//.", out, sizeof out), ERR_NOTFOUND);
}

static void long_names_of_servers_fit(void **state) {
  char said[1024], out[NAME_CAP];
  (void)state;
  memset(said, 'n', sizeof said - 1);
  memcpy(said + sizeof said - 5, ".iso", 5);
  assert_int_equal(name_from_server(said, "x", LAYOUT_FLAT, out, sizeof out),
                   0);
  assert_true(strlen(out) <= 250);
  assert_string_equal(out + strlen(out) - 4, ".iso");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(flat_names),
      cmocka_unit_test(path_names),
      cmocka_unit_test(hash_names),
      cmocka_unit_test(names_people_give),
      cmocka_unit_test(names_servers_give),
      cmocka_unit_test(names_in_documents),
      cmocka_unit_test(long_names_of_servers_fit),
      cmocka_unit_test(any_url_gives_a_clean_name),
      cmocka_unit_test(long_names_stay_apart),
      cmocka_unit_test(numbered_names),
      cmocka_unit_test_setup_teardown(with_openat2, tree_setup, tree_teardown),
      cmocka_unit_test_setup_teardown(component_by_component, tree_setup,
                                      tree_teardown),
      cmocka_unit_test_setup_teardown(descriptors_are_not_lost, tree_setup,
                                      tree_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
