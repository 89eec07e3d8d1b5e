#include "platform/raw_frame.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pcap/pcap.h>

#include <array>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/check.h"

namespace jump::platform {
namespace {

constexpr int kBufferBytes = 1 << 20;  // of the kernel's ring: about 500 frames
constexpr int kBatch = 256;

// The calls of libpcap that are used here. Never unloaded.
struct Library {
  decltype(&::pcap_create) create = nullptr;
  decltype(&::pcap_close) close = nullptr;
  decltype(&::pcap_set_snaplen) set_snaplen = nullptr;
  decltype(&::pcap_set_immediate_mode) set_immediate_mode = nullptr;
  decltype(&::pcap_set_buffer_size) set_buffer_size = nullptr;
  decltype(&::pcap_activate) activate = nullptr;
  decltype(&::pcap_setnonblock) setnonblock = nullptr;
  decltype(&::pcap_setdirection) setdirection = nullptr;
  decltype(&::pcap_datalink) datalink = nullptr;
  decltype(&::pcap_compile) compile = nullptr;
  decltype(&::pcap_setfilter) setfilter = nullptr;
  decltype(&::pcap_freecode) freecode = nullptr;
  decltype(&::pcap_get_selectable_fd) selectable = nullptr;
  decltype(&::pcap_dispatch) dispatch = nullptr;
  decltype(&::pcap_inject) inject = nullptr;
  decltype(&::pcap_geterr) geterr = nullptr;
  decltype(&::pcap_stats) stats = nullptr;
  bool whole = false;

  Library() {
    // Debian's name, and everybody else's.
    void* handle = nullptr;
    for (const char* name : {"libpcap.so.0.8", "libpcap.so.1"}) {
      if (handle == nullptr) handle = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
    }
    if (handle == nullptr) return;
    whole = true;
    find(handle, "pcap_create", create);
    find(handle, "pcap_close", close);
    find(handle, "pcap_set_snaplen", set_snaplen);
    find(handle, "pcap_set_immediate_mode", set_immediate_mode);
    find(handle, "pcap_set_buffer_size", set_buffer_size);
    find(handle, "pcap_activate", activate);
    find(handle, "pcap_setnonblock", setnonblock);
    find(handle, "pcap_setdirection", setdirection);
    find(handle, "pcap_datalink", datalink);
    find(handle, "pcap_compile", compile);
    find(handle, "pcap_setfilter", setfilter);
    find(handle, "pcap_freecode", freecode);
    find(handle, "pcap_get_selectable_fd", selectable);
    find(handle, "pcap_dispatch", dispatch);
    find(handle, "pcap_inject", inject);
    find(handle, "pcap_geterr", geterr);
    find(handle, "pcap_stats", stats);
  }

  template <typename F>
  void find(void* handle, const char* name, F& to) {
    to = reinterpret_cast<F>(::dlsym(handle, name));
    whole = whole && to != nullptr;
  }
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

Error open_error(const std::string& interface, int code, const char* detail) {
  const std::string what = "Ethernet frames on " + interface + ": ";
  switch (code) {
    case PCAP_ERROR_PERM_DENIED:
      return {Fault::refused, what + "no right to send them (CAP_NET_RAW)"};
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return {Fault::not_found, what + "there is no such interface"};
    case PCAP_ERROR_IFACE_NOT_UP:
      return {Fault::unavailable, what + "the interface is down"};
    default:
      return {Fault::unavailable, what + printable(detail, 200)};
  }
}

void take_frame(u_char* user, const pcap_pkthdr* header, const u_char* bytes) {
  const auto& take = *reinterpret_cast<const std::function<void(ByteView)>*>(user);
  take(ByteView(bytes, header->caplen));
}

}  // namespace

struct RawFrames::Impl {
  explicit Impl(asio::any_io_executor executor) : readable(executor) {}
  ~Impl() {
    // The descriptor is libpcap's; it closes it.
    if (readable.is_open()) readable.release();
    if (pcap != nullptr) library().close(pcap);
  }

  std::string interface;
  pcap_t* pcap = nullptr;
  asio::posix::stream_descriptor readable;

  std::string last_error() const { return printable(library().geterr(pcap), 200); }

  Result<void> filter(const std::string& text) {
    const std::string what = "Ethernet frames on " + interface + ": filter: ";
    bpf_insn nothing{};
    nothing.code = BPF_RET | BPF_K;
    bpf_program program{};
    program.bf_len = 1;
    program.bf_insns = &nothing;
    const bool compiled = !text.empty();
    if (compiled && library().compile(pcap, &program, text.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
      return Error(Fault::invalid, what + last_error());
    }
    const int set = library().setfilter(pcap, &program);
    if (compiled) library().freecode(&program);
    if (set != 0) return Error(Fault::unavailable, what + last_error());
    return {};
  }
};

RawFrames::RawFrames(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RawFrames::RawFrames(RawFrames&&) noexcept = default;
RawFrames& RawFrames::operator=(RawFrames&&) noexcept = default;
RawFrames::~RawFrames() = default;

Result<RawFrames> RawFrames::open(asio::any_io_executor executor, const std::string& interface,
                                  const std::string& filter) {
  const Library& lib = library();
  if (!lib.whole) return Error(Fault::unsupported, "Ethernet frames: libpcap is not installed here");
  auto impl = std::make_unique<Impl>(executor);
  impl->interface = printable(interface, 64);
  std::array<char, PCAP_ERRBUF_SIZE> text{};
  impl->pcap = lib.create(interface.c_str(), text.data());
  if (impl->pcap == nullptr) return open_error(impl->interface, PCAP_ERROR, text.data());
  lib.set_snaplen(impl->pcap, kFrameKept);
  lib.set_immediate_mode(impl->pcap, 1);
  lib.set_buffer_size(impl->pcap, kBufferBytes);
  const int activated = lib.activate(impl->pcap);
  if (activated < 0) return open_error(impl->interface, activated, lib.geterr(impl->pcap));
  if (lib.datalink(impl->pcap) != DLT_EN10MB) {
    return Error(Fault::unsupported, "Ethernet frames on " + impl->interface + ": it is no Ethernet");
  }
  if (Result<void> set = impl->filter(filter); !set) return set.error();
  lib.setdirection(impl->pcap, PCAP_D_IN);
  if (lib.setnonblock(impl->pcap, 1, text.data()) != 0) {
    return open_error(impl->interface, PCAP_ERROR, text.data());
  }
  boost::system::error_code failed;
  impl->readable.assign(lib.selectable(impl->pcap), failed);
  if (failed) return Error(failed, "Ethernet frames on " + impl->interface);
  return RawFrames(std::move(impl));
}

Result<void> RawFrames::send(ByteView frame) {
  CHECK(frame.size() >= 14);
  const int sent = library().inject(impl_->pcap, frame.data(), frame.size());
  if (sent == static_cast<int>(frame.size())) return {};
  return Error(Fault::unavailable, "Ethernet frame on " + impl_->interface + ": " + impl_->last_error());
}

Task<Result<void>> RawFrames::receive(const std::function<void(ByteView)>& take) {
  while (true) {
    auto* user = reinterpret_cast<u_char*>(const_cast<std::function<void(ByteView)>*>(&take));
    const int got = library().dispatch(impl_->pcap, kBatch, &take_frame, user);
    if (got > 0) co_return Result<void>();
    if (got < 0) {
      co_return Error(Fault::unavailable,
                      "Ethernet frames on " + impl_->interface + ": " + impl_->last_error());
    }
    boost::system::error_code failed;
    co_await impl_->readable.async_wait(asio::posix::stream_descriptor::wait_read,
                                        asio::redirect_error(asio::use_awaitable, failed));
    if (failed == asio::error::operation_aborted) throw boost::system::system_error(failed);
    if (failed) co_return Error(failed, "Ethernet frames on " + impl_->interface);
  }
}

std::uint64_t RawFrames::dropped() const {
  pcap_stat stat{};
  return library().stats(impl_->pcap, &stat) == 0 ? stat.ps_drop : 0;
}

Result<void> can_use_raw_frames(asio::any_io_executor executor, const std::string& interface) {
  const Result<RawFrames> opened = RawFrames::open(executor, interface, "");
  if (!opened) return opened.error();
  return {};
}

}  // namespace jump::platform
