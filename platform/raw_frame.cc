#include "platform/raw_frame.h"

#include <array>
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "platform/pcap_system.h"

// What of the library's interface is used here stands below as its manual has it (pcap(3PCAP), which Npcap
// follows): no header of it is needed to build.

namespace jump::platform {
namespace {

constexpr int kBufferBytes = 1 << 20;  // of the system's buffer: about 500 frames
constexpr int kBatch = 256;

constexpr int kEthernet = 1;  // DLT_EN10MB
constexpr int kInbound = 1;   // PCAP_D_IN
constexpr int kFailed = -1;
constexpr int kNoSuchDevice = -5;
constexpr int kNoRight = -8;
constexpr int kNotUp = -9;
constexpr unsigned kAnyMask = 0xffffffff;  // PCAP_NETMASK_UNKNOWN

struct Pcap;
struct FrameHead {             // pcap_pkthdr
  long seconds, microseconds;  // timeval
  std::uint32_t kept, size;
};
struct Instruction {  // bpf_insn
  std::uint16_t code;
  std::uint8_t yes, no;
  std::uint32_t value;
};
struct Filter {  // bpf_program
  unsigned length;
  Instruction* instructions;
};
using Take = void (*)(std::uint8_t*, const FrameHead*, const std::uint8_t*);

struct Library {
  Pcap* (*create)(const char*, char*) = nullptr;
  void (*close)(Pcap*) = nullptr;
  int (*set_snaplen)(Pcap*, int) = nullptr;
  int (*set_immediate_mode)(Pcap*, int) = nullptr;
  int (*set_buffer_size)(Pcap*, int) = nullptr;
  int (*activate)(Pcap*) = nullptr;
  int (*setnonblock)(Pcap*, int, char*) = nullptr;
  int (*setdirection)(Pcap*, int) = nullptr;
  int (*datalink)(Pcap*) = nullptr;
  int (*compile)(Pcap*, Filter*, const char*, int, unsigned) = nullptr;
  int (*setfilter)(Pcap*, Filter*) = nullptr;
  void (*freecode)(Filter*) = nullptr;
  int (*dispatch)(Pcap*, int, Take, std::uint8_t*) = nullptr;
  int (*sendpacket)(Pcap*, const std::uint8_t*, int) = nullptr;
  char* (*geterr)(Pcap*) = nullptr;
  int (*stats)(Pcap*, unsigned*) = nullptr;
  bool whole = true;

  Library() {
    find("pcap_create", create);
    find("pcap_close", close);
    find("pcap_set_snaplen", set_snaplen);
    find("pcap_set_immediate_mode", set_immediate_mode);
    find("pcap_set_buffer_size", set_buffer_size);
    find("pcap_activate", activate);
    find("pcap_setnonblock", setnonblock);
    find("pcap_setdirection", setdirection);
    find("pcap_datalink", datalink);
    find("pcap_compile", compile);
    find("pcap_setfilter", setfilter);
    find("pcap_freecode", freecode);
    find("pcap_dispatch", dispatch);
    find("pcap_sendpacket", sendpacket);
    find("pcap_geterr", geterr);
    find("pcap_stats", stats);
  }

  template <typename F>
  void find(const char* name, F& to) {
    to = reinterpret_cast<F>(pcap::find(name));
    whole = whole && to != nullptr;
  }
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

void take_frame(std::uint8_t* user, const FrameHead* head, const std::uint8_t* bytes) {
  const auto& take = *reinterpret_cast<const std::function<void(ByteView)>*>(user);
  take(ByteView(bytes, head->kept));
}

}  // namespace

struct RawFrames::Impl {
  Impl(asio::any_io_executor executor, const std::string& name)
      : interface(printable(name, 64)), wait(std::in_place, executor) {}
  ~Impl() {
    wait.reset();
    if (capture != nullptr) library().close(capture);
  }

  std::string interface;
  Pcap* capture = nullptr;
  std::optional<pcap::Wait> wait;

  Error error(Fault fault, const std::string& text) const {
    return {fault, "Ethernet frames on " + interface + ": " + text};
  }
  Error last_error(Fault fault, const std::string& doing = "") const {
    return error(fault, doing + printable(library().geterr(capture), 200));
  }
  Error open_error(int code, const char* detail) const {
    switch (code) {
      case kNoRight:
        return error(Fault::refused, std::string("no right to send them (") + pcap::kNoRights + ")");
      case kNoSuchDevice:
        return error(Fault::not_found, "there is no such interface");
      case kNotUp:
        return error(Fault::unavailable, "the interface is down");
      default:
        return error(Fault::unavailable, printable(detail, 200));
    }
  }

  Result<void> filter(const std::string& text) const {
    Instruction nothing{0x06, 0, 0, 0};  // BPF_RET | BPF_K, of no bytes
    Filter program{1, &nothing};
    const bool compiled = !text.empty();
    if (compiled && library().compile(capture, &program, text.c_str(), 1, kAnyMask) != 0)
      return last_error(Fault::invalid, "filter: ");
    const int set = library().setfilter(capture, &program);
    if (compiled) library().freecode(&program);
    if (set != 0) return last_error(Fault::unavailable, "filter: ");
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
  if (!lib.whole)
    return Error(Fault::unsupported,
                 std::string("Ethernet frames: ") + pcap::kLibrary + " is not installed here");
  auto impl = std::make_unique<Impl>(executor, interface);
  const std::optional<std::string> device = pcap::device(interface);
  if (!device) return impl->open_error(kNoSuchDevice, "");
  std::array<char, 512> text{};
  impl->capture = lib.create(device->c_str(), text.data());
  if (impl->capture == nullptr) return impl->open_error(kFailed, text.data());
  lib.set_snaplen(impl->capture, kFrameKept);
  lib.set_immediate_mode(impl->capture, 1);
  lib.set_buffer_size(impl->capture, kBufferBytes);
  const int activated = lib.activate(impl->capture);
  if (activated < 0) return impl->open_error(activated, lib.geterr(impl->capture));
  if (lib.datalink(impl->capture) != kEthernet) return impl->error(Fault::unsupported, "it is no Ethernet");
  if (Result<void> set = impl->filter(filter); !set) return set.error();
  lib.setdirection(impl->capture, kInbound);
  if (lib.setnonblock(impl->capture, 1, text.data()) != 0) return impl->open_error(kFailed, text.data());
  if (Result<void> begun = impl->wait->begin(impl->capture); !begun) return begun.error();
  return RawFrames(std::move(impl));
}

Result<void> RawFrames::send(ByteView frame) {
  CHECK(frame.size() >= 14);
  if (library().sendpacket(impl_->capture, frame.data(), static_cast<int>(frame.size())) == 0) return {};
  return impl_->last_error(Fault::unavailable);
}

Task<Result<void>> RawFrames::receive(const std::function<void(ByteView)>& take) {
  while (true) {
    auto* user = reinterpret_cast<std::uint8_t*>(const_cast<std::function<void(ByteView)>*>(&take));
    const int got = library().dispatch(impl_->capture, kBatch, &take_frame, user);
    if (got > 0) co_return Result<void>();
    if (got < 0) co_return impl_->last_error(Fault::unavailable);
    const Result<void> waited = co_await impl_->wait->frames();
    if (!waited) co_return wrap(waited.error(), "Ethernet frames on " + impl_->interface);
  }
}

std::uint64_t RawFrames::dropped() const {
  // Received, dropped, dropped by the interface; more follows, as the version has it.
  std::array<unsigned, 16> stat{};
  return library().stats(impl_->capture, stat.data()) == 0 ? stat[1] : 0;
}

Result<void> can_use_raw_frames(asio::any_io_executor executor, const std::string& interface) {
  const Result<RawFrames> opened = RawFrames::open(executor, interface, "");
  if (!opened) return opened.error();
  return {};
}

}  // namespace jump::platform
