/* SPDX-License-Identifier: MIT
 *
 * url: what is accepted means the same to libcurl (fixed and random inputs);
 * what could be read in two ways is refused.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "retry.h"
#include "url.h"

#define ALL PROTOCOL_ALL

static const char *const good[] = {
    "http://example.com",
    "http://EXAMPLE.com",
    "HTTPS://Example.COM:8443/A/b?C=d#e",
    "http://example.com?x=1",
    "http://example.com#x",
    "http://example.com/?",
    "http://example.com/#",
    "http://example.com:80/",
    "http://example.com:65535/",
    "https://user:p%40ss@host/",
    "https://user@host/",
    "http://@host/",
    "http://127.0.0.1/x",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[2001:DB8::0:1]:8080/x",
    "http://[::ffff:1.2.3.4]/",
    "http://my_host/",
    "http://a-b.c/",
    "http://example.com./",
    "http://host/a@b:c",
    "http://host/a\\b",
    "http://host/%2e%2e/%00",
    "http://host/\xc3\xbc?\xc3\xbc",
    "http://xn--mnchen-3ya.de/",
    "http://1.example/",
    "http://host/a//b/../c/./d",
    "http://host/?a?b#c#d",
    "ftp://host/x",
    "sftp://host:2222/x",
};

static const char *const bad[] = {
    "",
    "example.com/",
    "//example.com/",
    "http:/example.com/",
    "http:example.com",
    "http:///x",
    "http:////x",
    "http://",
    "http://?x",
    "http:// /",
    "http://a@b@c/",
    "http://host:80:90/",
    "http://host:/",
    "http://host:0/",
    "http://host:080/",
    "http://host:65536/",
    "http://host:99999999999/",
    "http://host:8o/",
    "http://host:-1/",
    "http://:80/",
    "http://user@/",
    "http://user:pw@:80/",
    "http://evil.com\\@good.com/",
    "http://evil.com\\.good.com/",
    "http://good.com\\evil/",
    "http://a b/",
    "http://host/a b",
    "http://host/a\tb",
    "http://host/a\r\nX: y",
    "http://host/\x7f",
    " http://host/",
    "http://host/ ",
    "http://m\xfcnchen.de/",
    "http://a\xe2\x84\x80"
    "b.\xc3\xa9/",      /* one that is mapped to a/c */
    "http://\xc2\xad/", /* and one to nothing */
    "http://ex%61mple.com/",
    "http://host%2f/",
    "http://[::1/",
    "http://::1/",
    "http://[::1]x/",
    "http://[::1]:/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[1.2.3.4]/",
    "http://[v1.x]/",
    "http://[]/",
    "http://0x7f.1/",
    "http://0x7f000001/",
    "http://127.1/",
    "http://2130706433/",
    "http://017700000001/",
    "http://127.0.0.01/",
    "http://256.0.0.1/",
    "http://1.2.3.4.5/",
    "http://1.2.3.4./",
    "http://example.0x1/",
    "http://a..b/",
    "http://.a/",
    "http://a..",
    "http://us er@host/",
    "http://us[er@host/",
    "http://user%00:x@host/",
    "http://user%0a:x@host/",
    "http://user%zz@host/",
    "http://host!/",
    "http://host,other/",
    "http://host;x/",
    "http://<host>/",
    "http://\"host\"/",
    "1http://host/",
};

/* What libcurl makes of it; NULL = it refuses. */
static CURLU *parse(const char *url) {
  CURLU *u = curl_url();
  assert_non_null(u);
  if (curl_url_set(u, CURLUPART_URL, url, CURLU_PATH_AS_IS) == CURLUE_OK)
    return u;
  curl_url_cleanup(u);
  return NULL;
}

/* "" for a part that is missing. The fragment or query "" and none are the
 * same to a request. */
static void assert_part(CURLU *u, CURLUPart part, unsigned flags,
                        const char *url, const char *want, size_t len) {
  char *value = NULL;
  CURLUcode code = curl_url_get(u, part, &value, flags);
  const char *got = code == CURLUE_OK && value ? value : "";
  if (strlen(got) != len || memcmp(got, want, len) != 0)
    print_error("%s: part %d: libcurl \"%s\", we \"%.*s\"\n", url, (int)part,
                got, (int)len, want);
  assert_int_equal(strlen(got), len);
  assert_memory_equal(got, want, len);
  curl_free(value);
}

/* IPv6 addresses are compared as addresses: libcurl keeps some spellings. */
static bool same_host(const char *a, const char *b) {
  struct in6_addr x, y;
  char text[2][64];
  if (a[0] != '[' || b[0] != '[')
    return strcasecmp(a, b) == 0;
  snprintf(text[0], sizeof text[0], "%.*s", (int)strcspn(a + 1, "]"), a + 1);
  snprintf(text[1], sizeof text[1], "%.*s", (int)strcspn(b + 1, "]"), b + 1);
  return inet_pton(AF_INET6, text[0], &x) == 1 &&
         inet_pton(AF_INET6, text[1], &y) == 1 && memcmp(&x, &y, sizeof x) == 0;
}

static void assert_same_as_libcurl(const char *url,
                                   const struct url_parts *parts) {
  char port[8], scheme[8] = "";
  CURLU *u = parse(url);
  if (!u)
    print_error("libcurl refuses %s\n", url);
  assert_non_null(u);
  snprintf(scheme, sizeof scheme, "%.*s",
           (int)(strstr(parts->origin, "://") - parts->origin), parts->origin);
  snprintf(port, sizeof port, "%u", parts->port);
  assert_part(u, CURLUPART_SCHEME, 0, url, scheme, strlen(scheme));
  assert_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, url, port, strlen(port));
  assert_part(u, CURLUPART_QUERY, 0, url, url + parts->query, parts->query_len);
  assert_part(u, CURLUPART_FRAGMENT, 0, url, url + parts->fragment,
              parts->fragment_len);
  if (parts->path_len)
    assert_part(u, CURLUPART_PATH, 0, url, url + parts->path, parts->path_len);
  else
    assert_part(u, CURLUPART_PATH, 0, url, "/", 1);
  char *host = NULL, *user = NULL, *password = NULL;
  assert_int_equal(curl_url_get(u, CURLUPART_HOST, &host, 0), CURLUE_OK);
  if (!same_host(host, parts->host))
    print_error("%s: libcurl's host \"%s\", ours \"%s\"\n", url, host,
                parts->host);
  assert_true(same_host(host, parts->host));
  curl_url_get(u, CURLUPART_USER, &user, 0);
  curl_url_get(u, CURLUPART_PASSWORD, &password, 0);
  char info[256];
  snprintf(info, sizeof info, "%s%s%s", user ? user : "", password ? ":" : "",
           password ? password : "");
  assert_int_equal(strlen(info), parts->user_len);
  assert_memory_equal(info, url + parts->user, parts->user_len);
  curl_free(host), curl_free(user), curl_free(password);
  curl_url_cleanup(u);
}

static void accepted_urls_mean_the_same_to_libcurl(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct url_parts parts;
    int code = url_split(good[i], ALL, &parts);
    if (code != 0)
      print_error("%s: %s\n", good[i], parts.why);
    assert_int_equal(code, 0);
    assert_null(parts.why);
    assert_same_as_libcurl(good[i], &parts);
  }
}

static void doubtful_urls_are_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct url_parts parts;
    int code = url_split(bad[i], ALL, &parts);
    if (code == 0)
      print_error("accepted: %s\n", bad[i]);
    assert_true(code == ERR_SYNTAX || code == ERR_UNSUPPORTED);
    assert_non_null(parts.why);
  }
}

#ifdef HAVE_LIBIDN2

static void wide_hosts_are_known_by_their_ascii_form(void **state) {
  const char *typed = "https://u@M\xc3\x9cnchen.example:8443/\xc3\xbc?q#f";
  const char *asked = "https://u@xn--mnchen-3ya.example:8443/\xc3\xbc?q#f";
  struct url_parts parts;
  struct url_ascii buf;
  (void)state;
  assert_int_equal(url_split(typed, ALL, &parts), 0);
  assert_string_equal(parts.host, "xn--mnchen-3ya.example");
  assert_string_equal(parts.origin, "https://xn--mnchen-3ya.example:8443");
  assert_int_equal(parts.port, 8443);
  assert_memory_equal(typed + parts.path, "/\xc3\xbc?q#f", 7);
  assert_string_equal(url_ascii(typed, &buf), asked);
  assert_ptr_equal(url_ascii(asked, &buf), asked);
  assert_int_equal(url_split(asked, ALL, &parts), 0);
  assert_same_as_libcurl(asked, &parts);
  assert_true(url_same_origin(typed, asked));
}

static void wide_hosts_are_one_object_however_typed(void **state) {
  const char *a = "http://m\xc3\xbcnchen.example/x?1", *c;
  const char *b = "http://mu\xcc\x88nchen.example/x?2"; /* NFD */
  (void)state;
  c = "http://xn--mnchen-3ya.example/x";
  assert_true(url_same_object(a, b) && url_same_object(b, c));
  assert_true(url_same_object(c, a));
  assert_false(url_same_object(a, "http://munchen.example/x"));
  assert_false(url_same_object(a, "http://m\xc3\xbcnchen.example:81/x"));
  assert_false(url_same_object(a, "http://m\xc3\xbcnchen.example/xy"));
  assert_false(url_same_object(a, "https://m\xc3\xbcnchen.example/x"));
  assert_false(url_same_object(a, ""));
  assert_true(url_object_hash64(a, "o") == url_object_hash64(b, "o"));
  assert_true(url_object_hash64(a, "o") == url_object_hash64(c, "o"));
  assert_true(url_object_hash64(a, "o") != url_object_hash64(c, "p"));
}

/* Digits of full width and the like are what they are mapped to. */
static void wide_addresses_are_addresses(void **state) {
  struct url_parts parts;
  (void)state;
  assert_int_equal(url_split("http://\xef\xbc\x91"
                             "27.0.0.1/",
                             ALL, &parts),
                   0);
  assert_string_equal(parts.host, "127.0.0.1");
  assert_int_equal(url_split("http://\xef\xbc\x91"
                             "27.1/",
                             ALL, &parts),
                   ERR_SYNTAX);
}

/* What is refused goes nowhere in another form. */
static void refused_urls_stay_as_they_are(void **state) {
  const char *slash = "http://a\xe2\x84\x80"
                      "b.\xc3\xa9/";
  const char *port = "http://\xc3\xa9.example:0/";
  struct url_ascii buf;
  (void)state;
  assert_ptr_equal(url_ascii(slash, &buf), slash);
  assert_ptr_equal(url_ascii(port, &buf), port);
  assert_ptr_equal(url_ascii("", &buf), "");
}

#endif

static void schemes_need_permission(void **state) {
  static const char *const other[] = {"ftp://h/f", "sftp://h/f", "file:///etc",
                                      "gopher://h/", "javascript://h/"};
  struct url_parts parts;
  (void)state;
  for (size_t i = 0; i < sizeof other / sizeof *other; i++)
    assert_int_equal(url_split(other[i], PROTOCOL_USUAL, &parts),
                     ERR_UNSUPPORTED);
  assert_int_equal(url_split("ftp://h/f", PROTOCOL_FTP, &parts), 0);
  assert_int_equal(parts.port, 21);
  assert_int_equal(url_split("http://h/", PROTOCOL_FTP, &parts),
                   ERR_UNSUPPORTED);
  assert_int_equal(url_split("file://h/", ALL, &parts), ERR_UNSUPPORTED);
  assert_int_equal(url_split("https://h/", PROTOCOL_HTTP, &parts),
                   ERR_UNSUPPORTED);
  assert_non_null(strstr(parts.why, "https is not among"));
}

/* libcurl would list a directory, or change what comes. */
static void file_protocols_name_files(void **state) {
  static const char *const no_file[] = {
      "ftp://h",       "ftp://h/",         "ftp://h/dir/",     "ftp://h/d%2f",
      "sftp://h/d%2F", "ftp://h/f;type=a", "ftp://h/f;TYPE=d", "ftp://h/f?x",
      "sftp://h/f?",   "ftp://h?q",
  };
  struct url_parts parts;
  (void)state;
  for (size_t i = 0; i < sizeof no_file / sizeof *no_file; i++)
    if (url_split(no_file[i], ALL, &parts) != ERR_SYNTAX)
      fail_msg("accepted: %s", no_file[i]);
  assert_int_equal(url_split("sftp://u:p@h:2222/~/d/f#x", ALL, &parts), 0);
  assert_int_equal(parts.port, 2222);
  assert_false(parts.protocol->http);
}

static void lengths_have_ceilings(void **state) {
  static char url[URL_CAP + 10];
  struct url_parts parts;
  (void)state;
  memset(url, 'a', sizeof url);
  memcpy(url, "http://h/", 9);
  url[URL_CAP] = '\0';
  assert_int_equal(url_split(url, ALL, &parts), 0);
  url[URL_CAP] = 'a';
  url[URL_CAP + 1] = '\0';
  assert_int_equal(url_split(url, ALL, &parts), ERR_TOOBIG);
  memset(url, 'a', sizeof url);
  memcpy(url, "https://", 8);
  memcpy(url + 8 + URL_HOST_CAP - 1, ":65535", 7);
  assert_int_equal(url_split(url, ALL, &parts), 0);
  assert_int_equal(strlen(parts.host), URL_HOST_CAP - 1);
  assert_true(strlen(parts.origin) < URL_ORIGIN_CAP);
  memcpy(url + 8 + URL_HOST_CAP - 1, "a/", 3);
  assert_int_equal(url_split(url, ALL, &parts), ERR_TOOBIG);
}

static void origins_are_canonical(void **state) {
  struct url_parts parts;
  (void)state;
  assert_int_equal(url_split("HTTPS://u:p@Host.Example/x", ALL, &parts), 0);
  assert_string_equal(parts.origin, "https://host.example:443");
  assert_true(parts.protocol->secure);
  assert_int_equal(url_split("http://[2001:DB8:0:0::1]/", ALL, &parts), 0);
  assert_string_equal(parts.origin, "http://[2001:db8::1]:80");
  assert_false(parts.protocol->secure);
  assert_true(url_same_origin("http://h/a", "HTTP://u@H:80/b?c"));
  assert_false(url_same_origin("http://h/", "https://h/"));
  assert_false(url_same_origin("http://h/", "http://h:81/"));
  assert_false(url_same_origin("http://h/", "http://h.evil/"));
  assert_false(url_same_origin("nonsense", "nonsense"));
}

static void objects_are_recognised(void **state) {
  uint64_t h = url_object_hash64("https://b/k/x.bin?X-Amz-Signature=1", "o");
  (void)state;
  assert_true(h == url_object_hash64("https://b/k/x.bin?Sig=2#f", "o"));
  assert_true(h == url_object_hash64("https://b/k/x.bin", "o"));
  assert_true(h != url_object_hash64("https://b/k/x.bin", "p"));
  assert_true(h != url_object_hash64("https://b/k/x.bim", "o"));
  assert_true(h != url_object_hash64("https://b/k/x.bi", "no"));
  assert_true(url_object_hash64("https://b/", NULL) ==
              url_object_hash64("https://b/", ""));
  /* kept in sessions: must never change */
  assert_true(url_object_hash64("http://example.com/a?b", "c") ==
              0x25ddcecc6afa81cau);
}

static void requests_differ_by_their_query(void **state) {
  (void)state;
  assert_true(url_same_request("http://h/a?b#c", "http://h/a?b#d"));
  assert_true(url_same_request("http://h/a", "http://h/a#d"));
  assert_false(url_same_request("http://h/a?b", "http://h/a?c"));
  assert_false(url_same_request("http://h/a?b", "http://h/a"));
  assert_false(url_same_request("http://h/a#?b", "http://h/a?b"));
  assert_false(url_same_request("http://h/a", "http://h/ab"));
}

/* Accepted URLs with a few bytes changed, removed or put in. */
static void mutated_urls_never_mean_two_things(void **state) {
  static const char odd[] = "/\\:@?#[]%.;&=0123xA-_~\x80\xff{}\"<>^`| \t\n";
  struct rng r;
  unsigned accepted = 0;
  (void)state;
  rng_seed(&r, 99);
  for (int i = 0; i < 200000; i++) {
    char url[128];
    struct url_parts parts;
    struct url_ascii ascii;
    snprintf(url, sizeof url, "%s",
             good[rng_next(&r) % (sizeof good / sizeof *good)]);
    for (uint64_t k = rng_next(&r) % 3; k < 3; k++) {
      size_t len = strlen(url), at = rng_next(&r) % (len + 1);
      char c = odd[rng_next(&r) % (sizeof odd - 1)];
      if (rng_next(&r) % 2 && at < len) {
        url[at] = c;
      } else if (len + 2 < sizeof url) {
        memmove(url + at + 1, url + at, len + 1 - at);
        url[at] = c;
      }
    }
    if (url_split(url, ALL, &parts) != 0)
      continue;
    accepted++;
    const char *asked = url_ascii(url, &ascii);
    if (asked != url)
      assert_int_equal(url_split(asked, ALL, &parts), 0);
    assert_same_as_libcurl(asked, &parts);
  }
  assert_true(accepted > 20000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepted_urls_mean_the_same_to_libcurl),
      cmocka_unit_test(doubtful_urls_are_refused),
#ifdef HAVE_LIBIDN2
      cmocka_unit_test(wide_hosts_are_known_by_their_ascii_form),
      cmocka_unit_test(wide_hosts_are_one_object_however_typed),
      cmocka_unit_test(wide_addresses_are_addresses),
      cmocka_unit_test(refused_urls_stay_as_they_are),
#endif
      cmocka_unit_test(schemes_need_permission),
      cmocka_unit_test(file_protocols_name_files),
      cmocka_unit_test(lengths_have_ceilings),
      cmocka_unit_test(origins_are_canonical),
      cmocka_unit_test(objects_are_recognised),
      cmocka_unit_test(requests_differ_by_their_query),
      cmocka_unit_test(mutated_urls_never_mean_two_things),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
