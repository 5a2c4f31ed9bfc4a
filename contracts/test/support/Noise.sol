// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What `protocol` and the core draw by, in integers: logarithms, sampling noise and the order of turns. No contract
/// needs them yet; that one could is what the tests show.
library Noise {
    /// @dev ln 2 with 64 fractional bits, rounded down.
    uint256 private constant LN2 = 12786308645202655659;

    /// @notice `log2` of `protocol/fixed-point.ts`: with 64 fractional bits, of a positive number.
    function log2(uint256 value) internal pure returns (uint256 result) {
        require(value > 0, "log2 of 0");
        uint256 whole = 0;
        for (uint256 rest = value; rest > 1; rest >>= 1) {
            whole++;
        }
        uint256 mantissa = whole > 127 ? value >> (whole - 127) : value << (127 - whole);
        result = whole << 64;
        for (uint256 bit = 64; bit > 0; bit--) {
            mantissa = (mantissa * mantissa) >> 127;
            if (mantissa >> 128 == 0) continue;
            mantissa >>= 1;
            result |= 1 << (bit - 1);
        }
    }

    /// @notice -ln(numerator / 2^bits) with 64 fractional bits.
    function negativeLn(uint256 numerator, uint256 bits) internal pure returns (uint256) {
        return (((bits << 64) - log2(numerator)) * LN2) >> 64;
    }

    /// @notice ln of a number with 64 fractional bits, towards zero.
    function ln(uint256 value) internal pure returns (int256) {
        return ((int256(log2(value)) - int256(uint256(64) << 64)) * int256(LN2)) / int256(1 << 64);
    }

    /// @notice `gumbelQ64` of `protocol/sampling.ts`.
    function gumbel(bytes32 seed, uint256 position, uint256 token) internal pure returns (int256) {
        uint256 draw = uint256(keccak256(abi.encode(seed, position, token))) >> 200;
        return -ln(negativeLn(2 * draw + 1, 57));
    }

    /// @notice A node's key in an order of turns, before it is divided by its stake: `coordinator-free/rank.ts`.
    function key(string memory purpose, bytes32 subject, address node) internal pure returns (uint256) {
        uint256 draw = uint256(keccak256(abi.encodePacked(purpose, subject, node))) >> 192;
        return negativeLn(2 * draw + 1, 65);
    }
}
