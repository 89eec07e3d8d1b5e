// What enrolments of agents and of nodes share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/identity/fingerprint.h"
#include "tools/appliance/api/enrol.h"

namespace jump::api {

using EnrolStep = Result<std::variant<NeedsPing, EnrolOutcome>>;

// enrol_node.cc. Inside the caller's transaction.
EnrolStep enrol_node(store::Store& store, const EnrolPorts& ports, const identity::EnrollRequest& request,
                     const EnrolContext& context);

// With an object ("installer:3"): who asked has proven something, so it is worth an event.
EnrolStep refuse_enrolment(const EnrolContext& context, identity::EnrollError code, std::string text,
                           const std::string& object = {}, std::optional<std::uint32_t> retry = std::nullopt);
Result<void> enrolment_event(store::Store& store, const identity::EnrollRequest& request,
                             const EnrolContext& context, std::string_view what, const std::string& object,
                             const std::string& text);
// The appliance's part of the answer: time, addresses, trust bundle.
identity::Enrolled enrolled_answer(const EnrolPorts& ports, const store::SiteSettings& site,
                                   const IssuedCertificate& certificate, std::int64_t now);

std::vector<store::FingerprintPart> parts_of(const identity::HashedFingerprint& fingerprint);
identity::HashedFingerprint fingerprint_of(const std::vector<store::FingerprintPart>& parts);
// The first 128 characters, without control characters: a host chooses its name itself.
std::string asset_name(std::string_view hostname);

}  // namespace jump::api
