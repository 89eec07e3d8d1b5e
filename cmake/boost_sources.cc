// Asio, Beast and Boost.JSON, compiled once for all rooms.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
#include <boost/json/src.hpp>
