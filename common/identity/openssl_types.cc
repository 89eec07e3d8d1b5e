#include "common/identity/openssl_types.h"

#include <array>
#include <chrono>

#include <openssl/err.h>

namespace jump::identity {

std::string openssl_words() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  if (const char* reason = ERR_reason_error_string(code)) return reason;
  std::array<char, 160> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

Error openssl_error(Fault fault, std::string context) {
  context += ": " + openssl_words();
  return {fault, std::move(context)};
}

// RFC 5480: id-ecPublicKey, named curve secp256r1, an uncompressed point: always these 27 bytes, then 64.
bool is_p256(ByteView spki) {
  static constexpr std::array<std::uint8_t, 27> kStart = {
      0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
      0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
  return spki.size() == kStart.size() + 64 && std::equal(kStart.begin(), kStart.end(), spki.begin());
}

Result<std::int64_t> asn1_seconds(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) {
    return openssl_error(Fault::malformed, "certificate: a date that cannot be read");
  }
  using namespace std::chrono;
  const year_month_day day = year(parts.tm_year + 1900) / (parts.tm_mon + 1) / parts.tm_mday;
  const auto since =
      sys_days(day).time_since_epoch() + hours(parts.tm_hour) + minutes(parts.tm_min) + seconds(parts.tm_sec);
  return duration_cast<seconds>(since).count();
}

}  // namespace jump::identity
