#include "tools/appliance/api/enrol_parts.h"

#include "common/base/log.h"

namespace jump::api {
namespace {

constexpr std::size_t kNameCharacters = 128;

}  // namespace

std::vector<store::FingerprintPart> parts_of(const identity::HashedFingerprint& fingerprint) {
  std::vector<store::FingerprintPart> parts;
  for (const auto& [name, values] : fingerprint.parts) {
    for (const std::string& value : values) parts.push_back({name, value});
  }
  return parts;
}

identity::HashedFingerprint fingerprint_of(const std::vector<store::FingerprintPart>& parts) {
  identity::HashedFingerprint fingerprint;
  for (const store::FingerprintPart& part : parts) fingerprint.parts[part.name].push_back(part.digest);
  return fingerprint;
}

std::string asset_name(std::string_view hostname) {
  std::string name;
  std::size_t count = 0;
  for (const char c : hostname) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) continue;
    if ((byte & 0xc0) != 0x80 && ++count > kNameCharacters) break;
    name += c;
  }
  return name.empty() ? "unnamed" : name;
}

EnrolStep refuse_enrolment(const EnrolContext& context, identity::EnrollError code, std::string text,
                           const std::string& object, std::optional<std::uint32_t> retry) {
  const char* name = boost::describe::enum_to_string(code, "?");
  log::info("enrol", "refused", {{"why", name}, {"text", text}, {"from", context.remote_address}});
  EnrolOutcome outcome;
  outcome.response.refusal = identity::EnrollRefusal{code, std::move(text), retry};
  outcome.refusal_about = object;
  return EnrolStep(std::move(outcome));
}

Result<void> enrolment_event(store::Store& store, const identity::EnrollRequest& request,
                             const EnrolContext& context, std::string_view what, const std::string& object,
                             const std::string& text) {
  store::Event event;
  event.at = context.now;
  event.who = boost::describe::enum_to_string(request.role, "agent");
  event.source = context.remote_address;
  event.what = what;
  event.object = object;
  event.result = "ok";
  event.text = text;
  event.details = json::object{{"hostname", json::string(request.hostname)}};
  const Result<std::int64_t> id = store.events.add(event);
  if (!id) return id.error();
  return {};
}

identity::Enrolled enrolled_answer(const EnrolPorts& ports, const store::SiteSettings& site,
                                   const IssuedCertificate& certificate, std::int64_t now) {
  identity::Enrolled enrolled;
  enrolled.certificate = certificate.pem;
  enrolled.trust_bundle = ports.trust_bundle();
  enrolled.addresses = site.addresses;
  enrolled.addresses_serial = site.addresses_serial;
  enrolled.time = now;
  return enrolled;
}

}  // namespace jump::api
