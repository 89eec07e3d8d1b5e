#include "common/base/error.h"

#include <cerrno>

#include "common/base/check.h"

namespace jump {
namespace {

class FaultCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "jump"; }
  std::string message(int value) const override {
    switch (static_cast<Fault>(value)) {
      case Fault::invalid:
        return "invalid";
      case Fault::too_large:
        return "too large";
      case Fault::malformed:
        return "malformed";
      case Fault::refused:
        return "refused";
      case Fault::not_found:
        return "not found";
      case Fault::already_exists:
        return "already exists";
      case Fault::expired:
        return "expired";
      case Fault::unauthenticated:
        return "not authenticated";
      case Fault::timed_out:
        return "timed out";
      case Fault::closed:
        return "closed";
      case Fault::unavailable:
        return "unavailable";
      case Fault::unsupported:
        return "unsupported";
      case Fault::internal:
        return "internal error";
    }
    return "fault " + std::to_string(value);
  }
};

}  // namespace

const boost::system::error_category& fault_category() noexcept {
  static const FaultCategory category;
  return category;
}

boost::system::error_code make_error_code(Fault fault) noexcept {
  return {static_cast<int>(fault), fault_category()};
}

std::string Error::message() const {
  if (context.empty()) return code.message();
  if (code.category() == fault_category()) return context;
  return context + ": " + code.message();
}

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
  check_failed(error.message().c_str(), where.file_name(), static_cast<int>(where.line()));
}

Error system_error(std::string context) {
  return system_error(errno, std::move(context));
}

Error system_error(int number, std::string context) {
  return {boost::system::error_code(number, boost::system::generic_category()), std::move(context)};
}

Error wrap(Error error, std::string_view doing) {
  error.context = error.context.empty() ? std::string(doing) : std::string(doing) + ": " + error.context;
  return error;
}

}  // namespace jump
