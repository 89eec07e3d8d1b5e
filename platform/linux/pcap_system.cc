#include "platform/pcap_system.h"

#include <dlfcn.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace jump::platform::pcap {

const char* const kLibrary = "libpcap";
const char* const kNoRights = "CAP_NET_RAW";

void* find(const char* name) {
  static void* const loaded = [] {
    // Debian's name, and everybody else's.
    void* const debians = ::dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL);
    return debians != nullptr ? debians : ::dlopen("libpcap.so.1", RTLD_NOW | RTLD_LOCAL);
  }();
  return loaded == nullptr ? nullptr : ::dlsym(loaded, name);
}

std::optional<std::string> device(const std::string& interface) {
  return interface;  // the library looks itself
}

struct Wait::Impl {
  asio::posix::stream_descriptor readable;
};

Wait::Wait(asio::any_io_executor executor)
    : impl_(std::make_unique<Impl>(asio::posix::stream_descriptor(executor))) {}
Wait::~Wait() {
  // The descriptor is libpcap's, which closes it.
  if (impl_->readable.is_open()) impl_->readable.release();
}

Result<void> Wait::begin(void* capture) {
  const auto descriptor_of = reinterpret_cast<int (*)(void*)>(find("pcap_get_selectable_fd"));
  if (descriptor_of == nullptr) return Error(Fault::unsupported, "this libpcap has nothing to wait for");
  boost::system::error_code failed;
  impl_->readable.assign(descriptor_of(capture), failed);
  if (failed) return Error(failed, "wait for frames");
  return {};
}

Task<Result<void>> Wait::frames() {
  boost::system::error_code failed;
  co_await impl_->readable.async_wait(asio::posix::stream_descriptor::wait_read,
                                      asio::redirect_error(asio::use_awaitable, failed));
  if (failed == asio::error::operation_aborted) throw boost::system::system_error(failed);
  if (failed) co_return Error(failed, "wait for frames");
  co_return Result<void>();
}

}  // namespace jump::platform::pcap
