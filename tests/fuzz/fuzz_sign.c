/* SPDX-License-Identifier: MIT
 *
 * sigv4.c, whose URLs are a stranger's: what it puts into a
 * request stays within its header, and depends on nothing but what is given.
 * The first line is the scheme, the second the URL, the rest a header.
 */
#include "config.h"

#include <curl/curl.h>

#include "fuzz.h"
#include "sigv4.h"

static bool is_line(const char *text) {
  for (; *text != '\0'; text++)
    if ((unsigned char)*text < ' ' || *text == 127)
      return false;
  return true;
}

static void need_lines(const struct curl_slist *list, const char *url,
                       const char *scheme) {
  const char *last = "";
  for (; list != NULL; list = list->next) {
    /* A scheme or a user's header is looked at before it comes here. */
    FUZZ_NEED(is_line(list->data) || !is_line(url) || !is_line(scheme));
    last = list->data;
  }
  if (*last == '\0')
    return;
  FUZZ_NEED(strncmp(last, "Authorization: ", 15) == 0);
  FUZZ_NEED(strstr(last, "secret") == NULL);
  last = strstr(last, ", Signature=");
  FUZZ_NEED(last != NULL && strspn(last + 12, "0123456789abcdef") == 64 &&
            last[76] == '\0');
}

static bool same(const struct curl_slist *a, const struct curl_slist *b) {
  for (; a != NULL && b != NULL; a = a->next, b = b->next)
    if (strcmp(a->data, b->data) != 0)
      return false;
  return a == b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *scheme = fuzz_text(data, size), *rest = strchr(scheme, '\n');
  char *url = rest != NULL ? rest + 1 : scheme + strlen(scheme);
  char *header = strchr(url, '\n');
  struct curl_slist *first = NULL, *again = NULL, own = {NULL, NULL};
  struct sigv4_request r = {.scheme = scheme, .url = url, .method = "GET"};
  int code;
  if (rest != NULL)
    *rest = '\0';
  if (header != NULL)
    *header++ = '\0';
  r.user_pwd = "key:secret";
  r.now_unix = 1440938160;
  own.data = header;
  r.headers = header != NULL && is_line(header) ? &own : NULL;
  code = sigv4_sign(&r, &first);
  FUZZ_NEED(code == 0 || first == NULL);
  FUZZ_NEED(code != 0 || sigv4_check(scheme) == 0 || first == NULL);
  FUZZ_NEED(sigv4_sign(&r, &again) == code && same(first, again));
  if (r.headers == NULL && strstr(url, "secret") == NULL &&
      strstr(scheme, "secret") == NULL)
    need_lines(first, url, scheme);
  curl_slist_free_all(first);
  curl_slist_free_all(again);
  free(scheme);
  return 0;
}
