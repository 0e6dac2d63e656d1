/* SPDX-License-Identifier: MIT
 *
 * Private and public addresses, each prefix at both of its ends and just
 * outside of them.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "address.h"

static const char *const inside[] = {
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.0",
    "192.168.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.255",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    /* IPv6 of its own */
    "::",
    "::1",
    "64:ff9b:1::1",
    "100::1",
    "2001:2::1",
    "2001:10::1",
    "2001:1f:ffff::1",
    "2001:db8::1",
    "3fff::1",
    "3fff:fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "feff::1",
    "ff02::1",
    "ffff::1",
    /* IPv4 within */
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::127.0.0.1",
    "::10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2002:0a00:0001::1",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001::5601:5601",
};

static const char *const outside[] = {
    "1.0.0.0",         "9.255.255.255",    "11.0.0.0",
    "100.63.255.255",  "100.128.0.0",      "126.255.255.255",
    "128.0.0.0",       "168.63.129.15",    "168.63.129.17",
    "169.253.255.255", "169.255.0.0",      "172.15.255.255",
    "172.32.0.0",      "191.255.255.255",  "192.0.1.0",
    "192.0.3.0",       "192.88.98.255",    "192.167.255.255",
    "192.169.0.0",     "198.17.255.255",   "198.20.0.0",
    "198.51.99.255",   "203.0.114.0",      "223.255.255.255",
    "8.8.8.8",         "2606:4700::1111",  "2001:4860:4860::8888",
    "2001:3::1",       "2001:20::1",       "2001:db7::1",
    "2001:db9::1",     "3ffe::1",          "3fff:1000::1",
    "fbff::1",         "101::1",           "64:ff9c::1",
    "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8", "2002:808:808::1",
    "2001::f7f7:f7f7", "::8.8.8.8",
};

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static bool is_private(const char *text) {
  struct sockaddr_in in = {.sin_family = AF_INET};
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
  if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
    return address_is_private((const struct sockaddr *)&in);
  if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
    fail_msg("%s is no address", text);
  return address_is_private((const struct sockaddr *)&in6);
}

static void test_private(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(inside); i++)
    if (!is_private(inside[i]))
      fail_msg("%s counts as public", inside[i]);
}

static void test_public(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(outside); i++)
    if (is_private(outside[i]))
      fail_msg("%s counts as private", outside[i]);
}

static void test_other_families(void **state) {
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  (void)state;
  assert_true(address_is_private((const struct sockaddr *)&un));
}

static void check_text(const char *text, bool address, bool expected) {
  bool answer = !expected;
  if (address_of_text(text, &answer) != address)
    fail_msg("'%s' is taken for %s", text, address ? "a name" : "an address");
  if (address && answer != expected)
    fail_msg("'%s': private %d", text, answer);
}

static void test_text(void **state) {
  (void)state;
  check_text("127.0.0.1", true, true);
  check_text("8.8.8.8", true, false);
  check_text("[::1]", true, true);
  check_text("[2606:4700::1111]", true, false);
  check_text("[::ffff:192.168.1.1]", true, true);
  check_text("::1", true, true);
  check_text("localhost", false, false);
  check_text("10.example", false, false);
  check_text("", false, false);
  check_text("[", false, false);
  check_text("[]", false, false);
  check_text("[::1", false, false);
  check_text("[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]",
             false, false);
}

static void test_names_of_this_machine(void **state) {
  static const char *const ours[] = {"localhost", "LocalHost", "a.localhost",
                                     "a.b.localhost"};
  static const char *const others[] = {
      "", "local", ".localhost", "notlocalhost", "localhost.example", "a.local"};
  (void)state;
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
    assert_true(address_is_localhost(ours[i]));
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    assert_false(address_is_localhost(others[i]));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_private),
      cmocka_unit_test(test_public),
      cmocka_unit_test(test_other_families),
      cmocka_unit_test(test_text),
      cmocka_unit_test(test_names_of_this_machine),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
