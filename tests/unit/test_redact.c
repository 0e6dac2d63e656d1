/* SPDX-License-Identifier: MIT
 *
 * redact: no secret of these URLs and headers is left, and the rest stays
 * readable. Whatever is fed in, a known secret never comes out.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "redact.h"
#include "retry.h"

static void check(size_t (*redact)(const char *, char *, size_t),
                  const char *in, const char *want) {
  char out[1024];
  size_t len = redact(in, out, sizeof out);
  assert_string_equal(out, want);
  assert_int_equal(len, strlen(want));
}

static void urls(void **state) {
  static const char *const row[][2] = {
      {"https://host/a/b.iso", "https://host/a/b.iso"},
      {"https://host/?a=1&b=2#top", "https://host/?a=1&b=2#top"},
      {"https://bob:pw@host/x", "https://bob:***@host/x"},
      {"https://bob:p@w@host/x", "https://bob:***@host/x"},
      {"https://ghp_abcdef@host/x", "https://***@host/x"},
      {"https://t0ken:x-oauth-basic@host/", "https://***:***@host/"},
      {"https://bob:p/w@host/x", "https://bob:***@host/x"},
      {"https://host:8443/@scope/x", "https://host:8443/@scope/x"},
      {"https://h/?to=http://bob:pw@i/x&a=1", "https://h/?to=http://***&a=1"},
      {"https://h/?to=http%3A%2F%2Fbob%3Apw%40i",
       "https://h/?to=http%3A%2F%2F***"},
      {"https://h/?to=http://i/@scope", "https://h/?to=http://i/@scope"},
      {"https://h/?to=http%3a%2f%2fi%2F%40s",
       "https://h/?to=http%3a%2f%2fi%2F%40s"},
      {"https://[::1]:80/@x", "https://[::1]:80/@x"},
      {"https://b/k?X-Amz-Date=2024&X-Amz-Credential=AK%2Fx&X-Amz-Signature=ab"
       "&X-Amz-Expires=60",
       "https://b/k?X-Amz-Date=2024&X-Amz-Credential=***&X-Amz-Signature=***"
       "&X-Amz-Expires=60"},
      {"https://b/k?X-Amz-Security-Token=abc", "https://b/k?X-Amz-Security-"
                                               "Token=***"},
      {"https://b/k?x-goog-signature=a&x-goog-credential=b",
       "https://b/k?x-goog-signature=***&x-goog-credential=***"},
      {"https://b/k?Expires=1&Signature=x%3D&AWSAccessKeyId=AKIA",
       "https://b/k?Expires=1&Signature=***&AWSAccessKeyId=***"},
      {"https://b/k?OSSAccessKeyId=a&x-oss-signature=b&x-oss-security-token=c",
       "https://b/k?OSSAccessKeyId=***&x-oss-signature=***"
       "&x-oss-security-token=***"},
      {"https://b/k?sv=1&se=2024-01-01&sig=abc%2B", "https://b/k?sv=1&se=2024-"
                                                    "01-01&sig=***"},
      {"https://b/k?TOKEN=a;Api_Key=b&KEY=c&jwt=d&code=e&auth=f&passwd=g",
       "https://b/k?TOKEN=***;Api_Key=***&KEY=***&jwt=***&code=***&auth=***"
       "&passwd=***"},
      {"https://b/k?%73ig=abc&to%6ben=x", "https://b/k?%73ig=***&to%6ben=***"},
      {"https://b/k?token=", "https://b/k?token="},
      {"https://b/k?author=ann&signal=1&monkey=2",
       "https://b/k?author=ann&signal=1&monkey=2"},
      {"https://b/#access_token=abc&x=1", "https://b/#access_token=***&x=1"},
      {"https://b/#/p?access_token=abc", "https://b/#/p?access_token=***"},
      {"https://b/p;jsessionid=1234?x=1", "https://b/p;jsessionid=***?x=1"},
      {"https://b/?u=https://c/?token=1", "https://b/?u=https://c/?token=***"},
      {"https://b/?u=https%3A%2F%2Fc%2F%3Fsig%3D1&y=2",
       "https://b/?u=https%3A%2F%2Fc%2F%3F***&y=2"},
      {"/relative?token=1", "/relative?token=***"},
      {"", ""},
  };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    check(redact_url, row[i][0], row[i][1]);
}

static void texts(void **state) {
  (void)state;
  check(redact_text,
        "GET https://a:b@h/x?sig=1 failed, \"http://c/?key=2\" too",
        "GET https://a:***@h/x?sig=*** failed, \"http://c/?key=***\" too");
  check(redact_text, "no address here", "no address here");
  check(redact_text, "://x", "://x");
  check(redact_text, "<http://h/?token=a>\n", "<http://h/?token=***>\n");
}

static void headers(void **state) {
  (void)state;
  check(redact_header, "Authorization: Bearer abc", "Authorization: ***");
  check(redact_header, "proxy-authorization:abc", "proxy-authorization:***");
  check(redact_header, "Cookie: a=b", "Cookie: ***");
  check(redact_header, "Set-Cookie: a=b", "Set-Cookie: ***");
  check(redact_header, "X-API-Key: abc", "X-API-Key: ***");
  check(redact_header, "X-My-Token: abc", "X-My-Token: ***");
  check(redact_header, "X-Client-Secret: abc", "X-Client-Secret: ***");
  check(redact_header, "Content-Type: text/html", "Content-Type: text/html");
  check(redact_header, "Location: /x?sig=abc", "Location: /x?sig=***");
  check(redact_header, "Location: https://h/x?sig=abc",
        "Location: https://h/x?sig=***");
  check(redact_header, "Link: <https://h/?token=1>; rel=next",
        "Link: <https://h/?token=***>; rel=next");
  check(redact_header, "HTTP/1.1 200 OK", "HTTP/1.1 200 OK");
  check(redact_header, "Authorization:", "Authorization:");
}

static void small_buffers_are_kept(void **state) {
  const char *url = "https://bob:hunter2@host/?sig=hunter2&x=1";
  char out[64];
  (void)state;
  for (size_t cap = 0; cap < sizeof out; cap++) {
    memset(out, 'X', sizeof out);
    size_t len = redact_url(url, out, cap);
    assert_int_equal(out[cap], 'X');
    if (cap == 0)
      continue;
    assert_true(len < cap);
    assert_int_equal(out[len], '\0');
    assert_null(strstr(out, "hunt"));
  }
}

/* Pieces glued together at random, the secret always as a password or as the
 * value of a secret name. */
static void the_secret_never_comes_out(void **state) {
  static const char *const piece[] = {
      "?token=S3CRET",
      "&Sig=S3CRET",
      ";key=S3CRET",
      "#access_token=S3CRET",
      "?x=1",
      "&y=%zz",
      "/path",
      "%2f",
      "&a=b=c",
      "?p%61ssword=S3CRET",
      "&=",
      "&&",
      ";jsessionid=S3CRET",
      "@",
      ":",
      "&X-Amz-Signature=S3CRET",
  };
  static const char *const head[] = {"https://u:S3CRET@h", "https://S3CRET@h:1",
                                     "http://h", "ftp://u:S3CRET@h", "h"};
  struct rng r;
  (void)state;
  rng_seed(&r, 4);
  for (int i = 0; i < 100000; i++) {
    char in[512], out[1024];
    size_t n = 0;
    n += (size_t)snprintf(in, sizeof in, "%s", head[rng_next(&r) % 5]);
    for (uint64_t k = rng_next(&r) % 8; k > 0; k--)
      n += (size_t)snprintf(in + n, sizeof in - n, "%s",
                            piece[rng_next(&r) % 16]);
    redact_url(in, out, sizeof out);
    if (strstr(out, "S3CRET"))
      print_error("%s -> %s\n", in, out);
    assert_null(strstr(out, "S3CRET"));
    redact_text(in, out, sizeof out);
    if (strstr(in, "://"))
      assert_null(strstr(out, "S3CRET"));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(urls),
      cmocka_unit_test(texts),
      cmocka_unit_test(headers),
      cmocka_unit_test(small_buffers_are_kept),
      cmocka_unit_test(the_secret_never_comes_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
