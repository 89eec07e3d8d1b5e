#include "platform/raw_frame.h"

#include <windows.h>
#include <winsock2.h>

#include <array>
#include <vector>

#include "common/base/check.h"
#include "common/base/clock.h"
#include "platform/windows/adapter_name.h"
#include "platform/windows/native.h"

// Npcap's wpcap.dll, where somebody has installed it. What of its interface is used here stands below as its
// manual has it; no header of it is needed to build.

namespace jump::platform {
namespace {

constexpr int kBufferBytes = 1 << 20;  // of the driver's buffer: about 500 frames
constexpr int kBatch = 256;
// Between two looks for frames. Frames are received by helpers that live for seconds.
constexpr auto kLook = std::chrono::milliseconds(10);
constexpr int kEthernet = 1;  // DLT_EN10MB
constexpr int kInbound = 1;   // PCAP_D_IN
constexpr int kNoSuchDevice = -5;
constexpr int kPermission = -8;
constexpr int kNotUp = -9;
constexpr unsigned kAnyMask = 0xffffffff;  // PCAP_NETMASK_UNKNOWN

struct Pcap;
struct FrameHead {  // pcap_pkthdr
  timeval time;
  std::uint32_t kept;
  std::uint32_t size;
};
struct Filter {  // bpf_program
  unsigned length;
  void* instructions;
};
struct Instruction {  // bpf_insn
  std::uint16_t code;
  std::uint8_t yes, no;
  std::uint32_t value;
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
  int (*stats)(Pcap*, void*) = nullptr;
  bool whole = false;

  Library() {
    // By its whole path: a file of that name elsewhere is not loaded into a service.
    std::wstring folder(MAX_PATH, L'\0');
    folder.resize(::GetSystemDirectoryW(folder.data(), static_cast<UINT>(folder.size())));
    HMODULE module = nullptr;
    for (const wchar_t* place : {L"\\Npcap\\wpcap.dll", L"\\wpcap.dll"}) {
      if (module == nullptr)
        module = ::LoadLibraryExW((folder + place).c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
    }
    if (module == nullptr) return;
    whole = true;
    find(module, "pcap_create", create);
    find(module, "pcap_close", close);
    find(module, "pcap_set_snaplen", set_snaplen);
    find(module, "pcap_set_immediate_mode", set_immediate_mode);
    find(module, "pcap_set_buffer_size", set_buffer_size);
    find(module, "pcap_activate", activate);
    find(module, "pcap_setnonblock", setnonblock);
    find(module, "pcap_setdirection", setdirection);
    find(module, "pcap_datalink", datalink);
    find(module, "pcap_compile", compile);
    find(module, "pcap_setfilter", setfilter);
    find(module, "pcap_freecode", freecode);
    find(module, "pcap_dispatch", dispatch);
    find(module, "pcap_sendpacket", sendpacket);
    find(module, "pcap_geterr", geterr);
    find(module, "pcap_stats", stats);
  }

  template <typename F>
  void find(HMODULE module, const char* name, F& to) {
    to = reinterpret_cast<F>(reinterpret_cast<void*>(::GetProcAddress(module, name)));
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
    case kPermission:
      return {Fault::refused, what + "no right to send them (Npcap lets only administrators)"};
    case kNoSuchDevice:
      return {Fault::not_found, what + "there is no such interface"};
    case kNotUp:
      return {Fault::unavailable, what + "the interface is down"};
    default:
      return {Fault::unavailable, what + printable(detail, 200)};
  }
}

void take_frame(std::uint8_t* user, const FrameHead* head, const std::uint8_t* bytes) {
  const auto& take = *reinterpret_cast<const std::function<void(ByteView)>*>(user);
  take(ByteView(bytes, head->kept));
}

}  // namespace

struct RawFrames::Impl {
  ~Impl() {
    if (pcap != nullptr) library().close(pcap);
  }

  std::string interface;
  Pcap* pcap = nullptr;

  std::string last_error() const { return printable(library().geterr(pcap), 200); }

  Result<void> filter(const std::string& text) {
    const std::string what = "Ethernet frames on " + interface + ": filter: ";
    Instruction nothing{0x06, 0, 0, 0};  // BPF_RET | BPF_K, of no bytes
    Filter program{1, &nothing};
    const bool compiled = !text.empty();
    if (compiled && library().compile(pcap, &program, text.c_str(), 1, kAnyMask) != 0)
      return Error(Fault::invalid, what + last_error());
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

Result<RawFrames> RawFrames::open(asio::any_io_executor, const std::string& interface,
                                  const std::string& filter) {
  const Library& lib = library();
  if (!lib.whole) return Error(Fault::unsupported, "Ethernet frames: Npcap is not installed here");
  auto impl = std::make_unique<Impl>();
  impl->interface = printable(interface, 64);
  const std::optional<std::string> guid = adapter_guid(interface);
  if (!guid) return open_error(impl->interface, kNoSuchDevice, "");
  std::array<char, 512> text{};
  impl->pcap = lib.create(("\\Device\\NPF_" + *guid).c_str(), text.data());
  if (impl->pcap == nullptr) return open_error(impl->interface, -1, text.data());
  lib.set_snaplen(impl->pcap, kFrameKept);
  lib.set_immediate_mode(impl->pcap, 1);
  lib.set_buffer_size(impl->pcap, kBufferBytes);
  const int activated = lib.activate(impl->pcap);
  if (activated < 0) return open_error(impl->interface, activated, lib.geterr(impl->pcap));
  if (lib.datalink(impl->pcap) != kEthernet)
    return Error(Fault::unsupported, "Ethernet frames on " + impl->interface + ": it is no Ethernet");
  if (Result<void> set = impl->filter(filter); !set) return set.error();
  lib.setdirection(impl->pcap, kInbound);
  if (lib.setnonblock(impl->pcap, 1, text.data()) != 0) return open_error(impl->interface, -1, text.data());
  return RawFrames(std::move(impl));
}

Result<void> RawFrames::send(ByteView frame) {
  CHECK(frame.size() >= 14);
  if (library().sendpacket(impl_->pcap, frame.data(), static_cast<int>(frame.size())) == 0) return {};
  return Error(Fault::unavailable, "Ethernet frame on " + impl_->interface + ": " + impl_->last_error());
}

Task<Result<void>> RawFrames::receive(const std::function<void(ByteView)>& take) {
  while (true) {
    auto* user = reinterpret_cast<std::uint8_t*>(const_cast<std::function<void(ByteView)>*>(&take));
    const int got = library().dispatch(impl_->pcap, kBatch, &take_frame, user);
    if (got > 0) co_return Result<void>();
    if (got < 0) {
      co_return Error(Fault::unavailable,
                      "Ethernet frames on " + impl_->interface + ": " + impl_->last_error());
    }
    co_await sleep_for(kLook);
  }
}

std::uint64_t RawFrames::dropped() const {
  // Received, dropped, dropped by the interface; more follows, as the version has it.
  std::array<unsigned, 16> stat{};
  return library().stats(impl_->pcap, stat.data()) == 0 ? stat[1] : 0;
}

Result<void> can_use_raw_frames(asio::any_io_executor executor, const std::string& interface) {
  const Result<RawFrames> opened = RawFrames::open(executor, interface, "");
  if (!opened) return opened.error();
  return {};
}

}  // namespace jump::platform
