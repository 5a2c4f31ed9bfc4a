// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./support/Base.sol";
import {Noise} from "./support/Noise.sol";
import {VM} from "./support/Vm.sol";

/// @notice Sampling noise and the order of turns are the same to the last bit in Solidity.
contract NoiseVectorsTest is Base {
    string private _json;

    function setUp() public {
        _json = VM.readFile("test/vectors/contracts.json");
    }

    function test_drawsTheSameNoise() public view {
        for (uint256 i = 0; i < 40; i++) {
            string memory path = string.concat(".noise[", VM.toString(i), "]");
            bytes32 seed = VM.parseJsonBytes32(_json, string.concat(path, ".seed"));
            int256 noise = Noise.gumbel(seed, _uint(path, ".position"), _uint(path, ".token"));
            require(noise == VM.parseJsonInt(_json, string.concat(path, ".gumbel")), path);
        }
    }

    /// @dev Of two nodes the one whose key is smaller for its stake comes first.
    function test_hasTheSameOrderOfTurns() public view {
        for (uint256 i = 0; i < 6; i++) {
            string memory path = string.concat(".turns[", VM.toString(i), "]");
            string memory purpose = VM.parseJsonString(_json, string.concat(path, ".purpose"));
            bytes32 subject = VM.parseJsonBytes32(_json, string.concat(path, ".subject"));
            address[] memory nodes = VM.parseJsonAddressArray(_json, string.concat(path, ".nodes"));
            uint256[] memory stakes = VM.parseJsonUintArray(_json, string.concat(path, ".stakesWei"));
            require(nodes.length == 7, "nodes");
            for (uint256 j = 1; j < nodes.length; j++) {
                uint256 before = Noise.key(purpose, subject, nodes[j - 1]) * stakes[j];
                uint256 behind = Noise.key(purpose, subject, nodes[j]) * stakes[j - 1];
                require(before < behind, path);
            }
        }
    }

    function _uint(string memory path, string memory field) private view returns (uint256) {
        return VM.parseJsonUint(_json, string.concat(path, field));
    }
}
