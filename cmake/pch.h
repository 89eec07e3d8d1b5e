// The precompiled header: speed only. Every file still includes what it uses; the gcc preset
// builds without this header and finds what was forgotten.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio.hpp>
#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/system/result.hpp>
