/* SPDX-License-Identifier: MIT
 *
 * sigv4.c: Amazon's published examples, and what S3 and others make of paths
 * and queries.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sigv4.h"

#define KEY "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define S3_KEY "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

static struct curl_slist *signed_with(struct sigv4_request r) {
  struct curl_slist *list = NULL;
  if (r.method == NULL)
    r.method = "GET";
  if (r.user_pwd == NULL)
    r.user_pwd = KEY;
  if (r.now_unix == 0)
    r.now_unix = 1440938160; /* 20150830T123600Z */
  assert_int_equal(sigv4_sign(&r, &list), 0);
  return list;
}

static const char *find(const struct curl_slist *list, const char *start) {
  for (; list != NULL; list = list->next)
    if (strncmp(list->data, start, strlen(start)) == 0)
      return list->data + strlen(start);
  return "";
}

static void is(struct sigv4_request r, const char *names, const char *want) {
  struct curl_slist *list = signed_with(r);
  const char *line = find(list, "Authorization: ");
  const char *headers = strstr(line, "SignedHeaders=");
  assert_non_null(headers);
  headers += strlen("SignedHeaders=");
  assert_int_equal(strncmp(headers, names, strlen(names)), 0);
  assert_string_equal(headers + strlen(names) + strlen(", Signature="), want);
  curl_slist_free_all(list);
}

#define SERVICE "aws:amz:us-east-1:service"

/* The "aws-sig-v4-test-suite". */
static void published_examples(void **state) {
  (void)state;
  is((struct sigv4_request){.scheme = SERVICE,
                            .url = "http://example.amazonaws.com/"},
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  is(
      (struct sigv4_request){
          .scheme = SERVICE,
          .url = "https://example.amazonaws.com/?Param2=value2&Param1=value1"},
      "host;x-amz-date",
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
  is((struct sigv4_request){.scheme = SERVICE,
                            .method = "POST",
                            .url = "http://example.amazonaws.com/"},
     "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}

/* "Authenticating Requests" of the S3 reference; there Range is signed too,
 * which need not be, so the list of a bucket stands here. */
static void published_example_of_s3(void **state) {
  (void)state;
  is(
      (struct sigv4_request){
          .scheme = "aws:amz:us-east-1:s3",
          .user_pwd = S3_KEY,
          .now_unix = 1369353600, /* 20130524T000000Z */
          .url = "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J"},
      "host;x-amz-content-sha256;x-amz-date",
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
  is(
      (struct sigv4_request){
          .scheme = "aws:amz:us-east-1:s3",
          .user_pwd = S3_KEY,
          .now_unix = 1369353600,
          .url = "https://examplebucket.s3.amazonaws.com/?lifecycle"},
      "host;x-amz-content-sha256;x-amz-date",
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

static void same(const char *scheme, const char *a, const char *b,
                 bool wanted) {
  struct curl_slist *x =
      signed_with((struct sigv4_request){.scheme = scheme, .url = a});
  struct curl_slist *y =
      signed_with((struct sigv4_request){.scheme = scheme, .url = b});
  bool equal =
      strcmp(find(x, "Authorization: "), find(y, "Authorization: ")) == 0;
  if (equal != wanted)
    print_error("%s | %s\n", a, b);
  assert_int_equal(equal, wanted);
  curl_slist_free_all(x);
  curl_slist_free_all(y);
}

#define H "http://h.example"

static void one_thing_written_in_two_ways(void **state) {
  static const char s3[] = "aws:amz:us-east-1:s3";
  (void)state;
  same(s3, H "/a%7eb:c", H "/a~b%3ac", true);
  same(s3, H "/a/./b", H "/a/b", true);
  same(s3, H "/a/b", H ":80/a/b", true);
  same(s3, H "/a%2fb", H "/a/b", false);
  same(s3, H "/a//b", H "/a/b", false);
  same(s3, H "/a", H ":8080/a", false);
  same(s3, H "/?b=2&a=1", H "/?a=1&b=2", true);
  same(s3, H "/?a", H "/?a=", true);
  same(s3, H "/?a=x+y", H "/?a=x%20y", true);
  same(s3, H "/?a=x%2by", H "/?a=x%20y", false);
  same(s3, H "/?a=b=c", H "/?a=b%3dc", true);
  /* names are compared before values: '-' is lower than '=' */
  same(s3, H "/?a-=1&a=2", H "/?a=2&a-=1", true);
  same(s3, H "/?", H "/", true);
  same(SERVICE, H "/a%7eb", H "/a~b", true);
}

static const char *scope_of(const char *scheme, const char *url, char *out) {
  struct curl_slist *list =
      signed_with((struct sigv4_request){.scheme = scheme, .url = url});
  const char *line = strchr(find(list, "Authorization: "), '/');
  assert_non_null(line);
  snprintf(out, 80, "%.*s", (int)strcspn(line, ","), line);
  curl_slist_free_all(list);
  return out;
}

static void what_the_host_says(void **state) {
  char out[80];
  (void)state;
  assert_string_equal(
      scope_of("aws:amz", "https://b.s3.eu-west-1.amazonaws.com/k", out),
      "/20150830/eu-west-1/s3/aws4_request");
  assert_string_equal(
      scope_of("aws", "https://ec2.eu-north-1.amazonaws.com/", out),
      "/20150830/eu-north-1/ec2/aws4_request");
  assert_string_equal(
      scope_of("aws:amz:here", "https://svc.r1.example.org/", out),
      "/20150830/here/svc/aws4_request");
  assert_string_equal(scope_of("aws:amz", "http://127.0.0.1:9000/b/k", out),
                      "/20150830/us-east-1/s3/aws4_request");
  assert_string_equal(scope_of("aws:amz", "http://localhost/b/k", out),
                      "/20150830/us-east-1/s3/aws4_request");
  assert_string_equal(scope_of("osc", "http://fcu.eu.example.org/", out),
                      "/20150830/eu/fcu/osc4_request");
}

static void headers_of_ones_own(void **state) {
  struct curl_slist token = {(char[]){"X-Amz-Security-Token:  t0k  en "}, NULL};
  struct curl_slist date = {(char[]){"x-amz-date: 20200101T000000Z"}, &token};
  struct curl_slist body = {(char[]){"X-Amz-Content-Sha256: UNSIGNED-PAYLOAD"},
                            &date};
  struct curl_slist host = {(char[]){"Host: other.example"}, &body};
  struct curl_slist own = {(char[]){"Authorization: none of yours"}, &host};
  struct sigv4_request r = {.scheme = "aws:amz:us-east-1:s3", .url = H "/"};
  struct curl_slist *list;
  const char *line;
  (void)state;
  r.headers = &host;
  list = signed_with(r);
  line = find(list, "Authorization: ");
  assert_non_null(strstr(line, "/20200101/"));
  assert_non_null(strstr(line, "SignedHeaders=host;x-amz-content-sha256;x-amz-"
                               "date;x-amz-security-token,"));
  assert_null(list->next); /* nothing twice */
  curl_slist_free_all(list);
  r.headers = &own;
  assert_null(signed_with(r));
}

static void the_body_counts(void **state) {
  struct sigv4_request r = {.scheme = "aws:amz:us-east-1:s3",
                            .method = "POST",
                            .url = H "/",
                            .body = "a\0b",
                            .body_length = 3};
  struct curl_slist *list = signed_with(r);
  (void)state;
  assert_string_equal(
      find(list, "X-Amz-Content-Sha256: "),
      "59b271ae1bbcb1d31d41929817f4b16fb439eb4f31520b5ad1d5ce98920a7138");
  curl_slist_free_all(list);
}

static void nonsense_is_refused(void **state) {
  struct curl_slist *list = NULL;
  struct sigv4_request r = {.scheme = "aws:amz",
                            .method = "GET",
                            .user_pwd = "k:s",
                            .url = "http://[::1"};
  (void)state;
  assert_int_equal(sigv4_check("aws:amz:us-east-1:s3"), 0);
  assert_int_equal(sigv4_check("aws"), 0);
  assert_int_equal(sigv4_check(""), ERR_SYNTAX);
  assert_int_equal(sigv4_check(":amz"), ERR_SYNTAX);
  assert_int_equal(sigv4_check("aws:amz:r:s:more"), ERR_SYNTAX);
  assert_int_equal(sigv4_check("aws:a b"), ERR_SYNTAX);
  assert_int_equal(sigv4_check("aws:amz:r/x"), ERR_SYNTAX);
  assert_int_equal(sigv4_check("averyveryverylongprovider"), ERR_SYNTAX);
  assert_int_equal(sigv4_sign(&r, &list), ERR_SYNTAX);
  assert_null(list);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(published_examples),
      cmocka_unit_test(published_example_of_s3),
      cmocka_unit_test(one_thing_written_in_two_ways),
      cmocka_unit_test(what_the_host_says),
      cmocka_unit_test(headers_of_ones_own),
      cmocka_unit_test(the_body_counts),
      cmocka_unit_test(nonsense_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
