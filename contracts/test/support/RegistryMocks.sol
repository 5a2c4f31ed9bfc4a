// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader} from "../../src/types/Batch.sol";
import {Param} from "../../src/types/Param.sol";

/// @notice Parameters that a test sets at will; every epoch has the same, and lasts an hour.
contract MockParams {
    mapping(Param param => uint64) private _values;

    function set(Param param, uint64 value) external {
        _values[param] = value;
    }

    function epoch() external view returns (uint64) {
        return uint64(block.timestamp / 1 hours);
    }

    function valueAt(Param param, uint64) public view returns (uint64) {
        return _values[param];
    }

    function groupAt(uint256 group, uint64 epoch_) external view returns (uint64[4] memory values) {
        for (uint256 i = 0; i < 4; i++) {
            values[i] = valueAt(Param(group * 4 + i), epoch_);
        }
    }
}

/// @notice Validators' stakes that a test sets at will.
contract MockVault {
    mapping(address validator => uint256) private _stakes;
    uint256 public validatorsStakeWei;

    error NotActiveValidator(address node);

    function setStake(address validator, uint256 stakeWei) external {
        validatorsStakeWei = validatorsStakeWei - _stakes[validator] + stakeWei;
        _stakes[validator] = stakeWei;
    }

    function stakeOfValidatorsWei(address[] calldata nodes) external view returns (uint256 sumWei) {
        for (uint256 i = 0; i < nodes.length; i++) {
            if (_stakes[nodes[i]] == 0) revert NotActiveValidator(nodes[i]);
            sumWei += _stakes[nodes[i]];
        }
    }
}

/// @notice Final batches that a test sets at will, by the hash of their header.
contract MockLedger {
    mapping(bytes32 headerHash => bool) private _finals;

    error NotFinal(uint64 number);

    function setFinal(BatchHeader calldata header) external {
        _finals[keccak256(abi.encode(header))] = true;
    }

    function requireFinal(BatchHeader calldata header) external view {
        if (!_finals[keccak256(abi.encode(header))]) revert NotFinal(header.number);
    }
}
